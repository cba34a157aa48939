import type { Clock } from '#libs/kernel';
import type { MetricName, Metrics } from '#libs/observability';
import type { RoleChange } from '#libs/raft';
import type { ControllerCore } from './controller-core.ts';
import type { PeerNetwork } from './links/peer-network.ts';
import type { HostListener } from './raft-host/host-contract.ts';
import type { RaftHost } from './raft-host/raft-host.ts';

export type RaftSources = {
  readonly core: ControllerCore;
  readonly host: RaftHost;
  readonly network: PeerNetwork;
  readonly clock: Clock;
};

const MS = 1_000;

/** What an operator of a consensus group looks at; those worth an alert: docs/runbooks/controllers.md. */
export function collectRaft(metrics: Metrics, sources: RaftSources): void {
  const { host } = sources;
  host.listen(new RaftCounts(metrics));
  sources.core.renewals.onAge = (silentMs) => {
    metrics.observe('matriarch_lease_age_seconds', silentMs / MS);
  };
  const totals = new Totals(metrics);
  metrics.beforeScrape(() => {
    collectState(metrics, sources);
    collectPeers(metrics, sources);
    collectTotals(totals, sources);
  });
}

/** What is measured as it happens. */
class RaftCounts implements HostListener {
  #leader = 0;

  constructor(readonly metrics: Metrics) {}

  onRole({ role, leader }: RoleChange): void {
    if (role === 'candidate') this.metrics.add('matriarch_raft_elections_total', 1);
    if (leader === 0 || leader === this.#leader) return;
    this.#leader = leader;
    this.metrics.add('matriarch_raft_leader_changes_total', 1);
  }

  onWritten(tookMs: number, entries: number): void {
    this.metrics.observe('matriarch_raft_write_seconds', tookMs / MS);
    if (entries > 0) this.metrics.observe('matriarch_raft_batch_entries', entries);
  }

  onRoundEnded(tookMs: number): void {
    this.metrics.observe('matriarch_raft_round_seconds', tookMs / MS);
  }

  onPeriod(lateMs: number, stalled: boolean): void {
    this.metrics.observe('matriarch_raft_tick_late_seconds', lateMs / MS);
    if (stalled) this.metrics.add('matriarch_raft_stalls_total', 1);
  }
}

function collectState(metrics: Metrics, sources: RaftSources): void {
  const { host, core, clock } = sources;
  const status = host.status();
  metrics.set('matriarch_raft_term', status.term);
  metrics.set('matriarch_raft_leader', status.role === 'leader' ? 1 : 0);
  metrics.set('matriarch_raft_has_leader', status.leader === 0 ? 0 : 1);
  metrics.set('matriarch_raft_commit_index', status.commitIndex);
  metrics.set('matriarch_raft_applied_index', status.appliedIndex);
  metrics.set('matriarch_raft_last_index', status.lastIndex);
  metrics.set('matriarch_raft_apply_lag_entries', status.commitIndex - status.appliedIndex);
  metrics.set('matriarch_raft_log_entries', status.lastIndex - status.firstIndex + 1);
  metrics.set('matriarch_raft_proposals_waiting', host.proposalsWaiting);
  metrics.set('matriarch_raft_write_stall_seconds', host.writeStallMs / MS);
  metrics.set('matriarch_raft_isolated', host.isolated === null ? 0 : 1);
  metrics.set('matriarch_raft_protocol_level', host.store.protocol);
  metrics.set('matriarch_sessions_kept', host.store.sessionCount);
  const leases = core.service?.leases;
  metrics.set('matriarch_lease_silence_max_seconds', (leases?.silentMaxMs ?? 0) / MS);
  metrics.set('matriarch_leases_closing', leases?.closing ?? 0);
  const suspendedMs = Math.max(0, clock.bootMs() - clock.monotonicMs());
  metrics.set('matriarch_host_suspended_seconds', suspendedMs / MS);
  const disk = core.announcements.ownDisk;
  if (disk === null) return;
  metrics.set('matriarch_disk_available_bytes', disk.availableBytes);
  metrics.set('matriarch_disk_nearly_full', disk.nearlyFull ? 1 : 0);
}

function collectPeers(metrics: Metrics, { host, network, core }: RaftSources): void {
  const { peers, lastIndex } = host.status();
  for (const name of PEER_GAUGES) metrics.reset(name);
  for (const id of network.peers) {
    const peer = core.nameOf(id) ?? String(id);
    metrics.set('matriarch_raft_peer_connected', network.isUp(id) ? 1 : 0, { peer });
    metrics.set('matriarch_raft_peer_seat_lost', core.seats.isLost(id) ? 1 : 0, { peer });
    const stray = core.seats.isStray(id);
    metrics.set('matriarch_raft_peer_other_directory', stray ? 1 : 0, { peer });
    metrics.set('matriarch_raft_peer_waiting_bytes', network.waitingBytes(id), { peer });
    const tookMs = network.roundTripMs(id);
    if (tookMs !== null) {
      metrics.set('matriarch_raft_peer_round_trip_seconds', tookMs / MS, { peer });
    }
  }
  for (const { id, matchIndex, inflightAppends, writeStallMs } of peers) {
    const peer = core.nameOf(id) ?? String(id);
    metrics.set('matriarch_raft_peer_lag_entries', lastIndex - matchIndex, { peer });
    metrics.set('matriarch_raft_peer_inflight', inflightAppends, { peer });
    metrics.set('matriarch_raft_peer_write_stall_seconds', writeStallMs / MS, { peer });
  }
}

const PEER_GAUGES: readonly MetricName[] = [
  'matriarch_raft_peer_connected',
  'matriarch_raft_peer_seat_lost',
  'matriarch_raft_peer_other_directory',
  'matriarch_raft_peer_waiting_bytes',
  'matriarch_raft_peer_round_trip_seconds',
  'matriarch_raft_peer_lag_entries',
  'matriarch_raft_peer_inflight',
  'matriarch_raft_peer_write_stall_seconds',
];

function collectTotals(totals: Totals, { host, core, network }: RaftSources): void {
  const { proposals, snapshots, inputsDropped } = host.counts;
  const { applied, lost, refused } = proposals;
  totals.raise('matriarch_commands_total', { outcome: 'applied' }, applied);
  totals.raise('matriarch_commands_total', { outcome: 'lost' }, lost);
  totals.raise('matriarch_commands_total', { outcome: 'refused' }, refused);
  const { sent, received, failed } = snapshots;
  totals.raise('matriarch_raft_snapshots_total', { what: 'sent' }, sent);
  totals.raise('matriarch_raft_snapshots_total', { what: 'received' }, received);
  totals.raise('matriarch_raft_snapshots_total', { what: 'failed' }, failed);
  totals.raise('matriarch_raft_messages_dropped_total', { why: 'input full' }, inputsDropped);
  totals.raise('matriarch_raft_messages_dropped_total', { why: 'link' }, network.droppedFrames);
  totals.raise('matriarch_raft_append_rejects_total', {}, host.status().appendRejects);
  totals.raise('matriarch_raft_digest_mismatches_total', {}, core.states.mismatches);
  const { renewed, refused: notRenewed } = core.renewals.counts;
  totals.raise('matriarch_lease_renewals_total', { outcome: 'renewed' }, renewed);
  totals.raise('matriarch_lease_renewals_total', { outcome: 'refused' }, notRenewed);
}

type TotalName = Parameters<Metrics['add']>[0];

/** Counters whose present value is kept elsewhere: off the hot path, told at each scrape. */
class Totals {
  readonly #told = new Map<string, number>();

  constructor(readonly metrics: Metrics) {}

  raise(name: TotalName, labels: Readonly<Record<string, string>>, total: number): void {
    const key = JSON.stringify([name, labels]);
    const by = total - (this.#told.get(key) ?? 0);
    this.#told.set(key, total);
    if (by >= 0) this.metrics.add(name, by, labels as never);
  }
}
