/**
 * Every metric of every process: name with its base unit (seconds, bytes, as Prometheus asks), what it
 * says, and its labels. `of` is the process that has it.
 */
type MetricRow = {
  readonly kind: 'gauge' | 'counter' | 'histogram';
  readonly of: 'controller' | 'agent' | 'every';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds, of histograms only. */
  readonly buckets?: readonly number[];
};

const FAST_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
const SLOW_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 7.5, 10, 30, 60];

export const METRICS = {
  matriarch_raft_term: gauge('controller', 'Term of this controller.'),
  matriarch_raft_leader: gauge('controller', '1 while this controller leads, else 0.'),
  matriarch_raft_has_leader: gauge('controller', '1 while a leader is known here, else 0.'),
  matriarch_raft_leader_changes_total: counter('controller', 'New leaders, as seen here.'),
  matriarch_raft_commit_index: gauge('controller', 'Highest committed index known here.'),
  matriarch_raft_applied_index: gauge('controller', 'Highest index applied here.'),
  matriarch_raft_last_index: gauge('controller', 'Last index of the log here.'),
  matriarch_raft_apply_lag_entries: gauge('controller', 'Committed, not yet applied here.'),
  matriarch_raft_log_entries: gauge('controller', 'Entries that the log holds here.'),
  matriarch_raft_proposals_waiting: gauge('controller', 'Commands on their way to be applied.'),
  matriarch_raft_elections_total: counter('controller', 'Elections that this controller began.'),
  matriarch_raft_write_seconds: histogram('controller', 'Synced write of the log.', FAST_SECONDS),
  matriarch_raft_batch_entries: histogram('controller', 'Entries of one synced write.', COUNTS),
  matriarch_raft_write_stall_seconds: gauge('controller', 'Age of the write under way.'),
  matriarch_raft_round_seconds: histogram('controller', 'Confirmation round.', FAST_SECONDS),
  matriarch_raft_tick_late_seconds: histogram('controller', 'Lateness of ticks.', FAST_SECONDS),
  matriarch_raft_stalls_total: counter('controller', 'Ticks late by half an election timeout.'),
  matriarch_raft_peer_connected: gauge('controller', '1 while the link to a peer stands.', 'peer'),
  matriarch_raft_peer_waiting_bytes: gauge('controller', 'Bytes that wait for a peer.', 'peer'),
  matriarch_raft_peer_round_trip_seconds: gauge('controller', 'Heartbeat to a peer.', 'peer'),
  matriarch_raft_peer_lag_entries: gauge('controller', 'Entries a peer lacks (leader).', 'peer'),
  matriarch_raft_peer_inflight: gauge('controller', 'Requests on their way to a peer.', 'peer'),
  matriarch_raft_peer_write_stall_seconds: gauge('controller', "Stall of a peer's disk.", 'peer'),
  matriarch_raft_peer_seat_lost: gauge('controller', '1: its seat is of no directory.', 'peer'),
  matriarch_raft_peer_other_directory: gauge('controller', '1: it came without its own.', 'peer'),
  matriarch_raft_append_rejects_total: counter('controller', 'Append requests refused by peers.'),
  matriarch_raft_messages_dropped_total: counter('controller', 'Raft messages dropped.', 'why'),
  matriarch_raft_snapshots_total: counter('controller', 'Snapshots moved.', 'what'),
  matriarch_raft_isolated: gauge('controller', '1: its state is not that of the majority.'),
  matriarch_raft_digest_mismatches_total: counter('controller', 'Odd digests, as leader.'),
  matriarch_raft_protocol_level: gauge('controller', 'Protocol that the group switched to.'),
  matriarch_commands_total: counter('controller', 'Commands proposed here.', 'outcome'),
  matriarch_sessions_kept: gauge('controller', 'Client sessions whose answers are kept.'),
  matriarch_disk_available_bytes: gauge('controller', "Free on the state directory's disk."),
  matriarch_disk_nearly_full: gauge('controller', '1 while growth is refused here, else 0.'),
  matriarch_host_suspended_seconds: gauge('controller', 'Boot time minus monotonic time.'),
  matriarch_links_open: gauge('controller', 'Open links from others.', 'channel'),
  matriarch_lease_epoch: gauge('controller', 'Epoch granted last.', 'cluster'),
  matriarch_lease_renewals_total: counter('controller', 'Renewals answered.', 'outcome'),
  matriarch_lease_age_seconds: histogram('controller', 'Lease age when renewed.', SLOW_SECONDS),
  matriarch_lease_silence_max_seconds: gauge('controller', 'Oldest unrenewed lease (leader).'),
  matriarch_leases_closing: gauge('controller', 'Leases being declared over (leader).'),
  matriarch_lease_expiries_total: counter('controller', 'Leases that expired.', 'cluster'),
  matriarch_cluster_serving: gauge('controller', '1 while a primary serves, else 0.', 'cluster'),
  matriarch_cluster_paused: gauge('controller', '1 while paused, else 0.', 'cluster'),
  matriarch_failovers_total: counter('controller', 'Failovers, by outcome.', 'cluster', 'outcome'),
  matriarch_switchovers_total: counter('controller', 'Switchovers.', 'cluster', 'outcome'),
  matriarch_failover_seconds: histogram('controller', 'Failover, start to writes.', SLOW_SECONDS),
  matriarch_switchover_seconds: histogram(
    'controller',
    'Switchover, start to writes.',
    SLOW_SECONDS,
  ),
  matriarch_failover_lost_bytes_total: counter(
    'controller',
    'WAL known of lost primaries that no new one has.',
    'cluster',
  ),
  matriarch_last_outage_seconds: gauge(
    'controller',
    'Last failover or switchover, all phases.',
    'cluster',
    'kind',
  ),
  matriarch_last_outage_phase_seconds: gauge(
    'controller',
    'Each phase of it, and follow: until all standbys streamed.',
    'cluster',
    'phase',
  ),
  matriarch_last_outage_end_seconds: gauge(
    'controller',
    'When it ended, seconds since 1970.',
    'cluster',
  ),
  matriarch_last_outage_lost_bytes: gauge('controller', 'WAL lost in it.', 'cluster'),
  matriarch_instance_lag_bytes: gauge('controller', 'WAL not yet received.', 'cluster', 'instance'),
  matriarch_instance_silent_seconds: gauge(
    'controller',
    'Age of the last report.',
    'cluster',
    'instance',
  ),
  matriarch_primary_agent_absent_seconds: gauge(
    'controller',
    'How long the guard of the primary has had no agent.',
    'cluster',
  ),
  matriarch_postgres_up: gauge('agent', '1 while PostgreSQL answers, else 0.'),
  matriarch_postgres_primary: gauge('agent', '1 while it accepts writes, else 0.'),
  matriarch_postgres_standby_leader: gauge(
    'agent',
    '1 while it follows the remote primary of a standby cluster, or its archive, else 0.',
  ),
  matriarch_postgres_timeline: gauge('agent', 'Timeline of the instance.'),
  matriarch_postgres_wal_bytes: gauge('agent', 'WAL position as a byte count.', 'position'),
  matriarch_guard_attached: gauge('agent', '1 while the guard answers, else 0.'),
  matriarch_guard_lease_remaining_seconds: gauge('agent', 'Until the guard stops PostgreSQL.'),
  matriarch_slot_retained_bytes: gauge('agent', 'WAL that a slot keeps.', 'slot'),
  matriarch_slot_safe_bytes: gauge(
    'agent',
    'WAL that may be written before a slot is in danger of losing its own; none without a limit.',
    'slot',
  ),
  matriarch_slot_lost: gauge(
    'agent',
    '1 when WAL that a slot should keep is gone, else 0.',
    'slot',
  ),
  matriarch_rebuild_needed: gauge('agent', '1 while its data must be built anew, else 0.'),
  matriarch_rebuild_done_bytes: gauge('agent', 'Copied by the rebuild under way, else 0.'),
  matriarch_rebuild_total_bytes: gauge('agent', 'Of the rebuild under way, else 0.'),
  matriarch_agent_connected: gauge('agent', '1 while linked to a controller, else 0.'),
  matriarch_agent_steps_total: counter('agent', 'Steps towards the goal.', 'step', 'outcome'),
  matriarch_agent_step_seconds: histogram('agent', 'Duration of a step.', SLOW_SECONDS, 'step'),
  matriarch_agent_probe_seconds: histogram('agent', 'Look at PostgreSQL.', FAST_SECONDS),
  matriarch_loop_delay_seconds: gauge(
    'every',
    'Event loop delay since the last scrape.',
    'quantile',
  ),
  matriarch_process_resident_bytes: gauge('every', 'Resident memory.'),
  matriarch_process_heap_bytes: gauge('every', 'JavaScript heap in use.'),
  matriarch_process_cpu_seconds: gauge('every', 'Processor time used since the start.'),
  matriarch_process_start_seconds: gauge('every', 'Start of the process, seconds since 1970.'),
} as const satisfies Readonly<Record<string, MetricRow>>;

function gauge<const Labels extends readonly string[]>(
  of: MetricRow['of'],
  help: string,
  ...labels: Labels
) {
  return { kind: 'gauge', of, help, labels } as const;
}

function counter<const Labels extends readonly string[]>(
  of: MetricRow['of'],
  help: string,
  ...labels: Labels
) {
  return { kind: 'counter', of, help, labels } as const;
}

function histogram<const Labels extends readonly string[]>(
  of: MetricRow['of'],
  help: string,
  buckets: readonly number[],
  ...labels: Labels
) {
  return { kind: 'histogram', of, help, labels, buckets } as const;
}
