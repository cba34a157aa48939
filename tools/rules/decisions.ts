/** What each rule decides, for people: the name as `matriarch events` shows it as the cause. */
export type DecisionText = {
  readonly rule: string;
  readonly when: string;
  readonly happens: string;
  readonly why: string;
};

/** In the order in which they are asked; the first that answers decides. */
export const DECISIONS: readonly DecisionText[] = [
  {
    rule: 'record-members',
    when: 'an agent reports for the first time, with other tags, or (while nothing is under way) from another address',
    happens: '`InstanceJoined`',
    why: 'an instance whose directory holds another database never joins',
  },
  {
    rule: 'start-bootstrap',
    when: 'there was never a primary, and an instance with an empty directory is heard',
    happens: '`BootstrapStarted`: it makes the first data directory, the others wait',
    why: 'never beside a directory that holds something; after failures everywhere it rests, longer each time',
  },
  {
    rule: 'start-take-over',
    when: 'a primary of an earlier system runs on an instance that is named to be adopted',
    happens: '`BootstrapStarted`: it is restarted beneath our guard and goes on as the primary',
    why: 'its standbys still stream from it; where nothing runs, the furthest gets the first epoch',
  },
  {
    rule: 'first-grant',
    when: 'the initialiser says that its directory is there',
    happens: '`ClusterInitialised`, `LeaseGranted` of epoch 1',
    why: 'nothing writable starts without a grant',
  },
  {
    rule: 'first-copy',
    when: 'a standby cluster is new, and its initialiser has the first copy of the remote primary, or of a backup in the archive that is followed',
    happens: '`ClusterInitialised`; no lease is granted',
    why: 'nobody writes in a cluster that follows another',
  },
  {
    rule: 'abandon-bootstrap',
    when: 'the initialiser failed, is silent for 10 s (60 s in a restore), or takes 2 min over initdb',
    happens: '`BootstrapAbandoned`: another one is asked',
    why: 'given up too soon, two would initialise',
  },
  {
    rule: 'record-serving',
    when: 'the holder reports that its guard holds the epoch and PostgreSQL accepts writes on the granted timeline',
    happens: '`Promoted` or `PrimaryResumed`, and the end of the failover or switchover',
    why: 'only the end is measured: each phase with its milliseconds',
  },
  {
    rule: 'abandon-failover',
    when: 'before its lease has ended, the primary renews again, has promises of members, or serves again',
    happens: '`FailoverAborted`: the standbys stream from it again',
    why: 'a primary that is back costs less than a failover',
  },
  {
    rule: 'expire-lease',
    when: 'no renewal was accepted for W (3.16 s with defaults), and no other controller heard the guard',
    happens: '`LeaseExpired`, `FailoverStarted`; in pause the lease only',
    why: 'the guard has stopped PostgreSQL before W is over, whatever else happens',
  },
  {
    rule: 'withdraw-promotion',
    when: 'a new primary does not serve after `promoteTimeoutMs` (3 s), its agent is heard, and another could take over',
    happens: '`FailoverStarted` (`promotion-failed`): it is stopped, the next one is taken',
    why: 'one that is not heard may serve clients already: it is left',
  },
  {
    rule: 'fail-over-lost-target',
    when: 'the target of a switchover loses its epoch before it served',
    happens: '`SwitchoverAbandoned`, `FailoverStarted`',
    why: 'what began as a switchover goes on as a failover',
  },
  {
    rule: 'abandon-switchover',
    when: 'the old primary could not stop within `switchoverStopMs`, the target is silent, or a minute has passed',
    happens: '`SwitchoverAbandoned`: the old primary goes on in the same epoch',
    why: 'a switchover is never worth an outage',
  },
  {
    rule: 'grant-to-target',
    when: 'the target has every byte that the old primary wrote before it stopped',
    happens: '`LeaseGranted` to the target, on a new timeline',
    why: 'before the grant there is always a way back',
  },
  {
    rule: 'take-back-switchover',
    when: 'the target has not got the last byte 2 s after the stop, or is silent',
    happens: '`SwitchoverAbandoned`, and the next epoch to the old primary',
    why: 'until the grant nobody else may serve',
  },
  {
    rule: 'cluster-demoted',
    when: 'the primary of a cluster that is to follow another has stopped and given its epoch back',
    happens: '`ClusterDemoted` with the end of its WAL',
    why: 'the other one is promoted only when it has that',
  },
  {
    rule: 'abandon-demotion',
    when: 'the primary of a cluster that is to follow another did not stop',
    happens: 'it goes on as the primary',
    why: '',
  },
  {
    rule: 'change-remote',
    when: 'the standby leader could follow the other remote that an operator named: it has the same database and lets it in',
    happens: '`RemoteChanged`',
    why: '',
  },
  {
    rule: 'refuse-remote',
    when: 'it could not, or did not answer in 30 s',
    happens: '`RemoteChangeRefused` with the reason',
    why: 'a standby cluster that follows nobody falls behind, and one that follows another database is lost',
  },
  {
    rule: 'record-remote-timelines',
    when: 'the timeline that a standby cluster follows changed',
    happens: "its fork becomes part of this cluster's history",
    why: 'divergence is told by it',
  },
  {
    rule: 'record-left-remote',
    when: 'the one promoted in the place of another cluster ended before it took its timeline, and members stand on one that the other still began unheard',
    happens: "that timeline becomes part of this cluster's history",
    why: 'else nobody could take over: all would count as diverged',
  },
  {
    rule: 'choose-standby-leader',
    when: 'a standby cluster has no leader, or its leader is lost, unfit, or to be built anew',
    happens:
      '`StandbyLeaderChosen`: the furthest follows the remote primary or its archive, the others stream from it',
    why: 'nobody writes there, so two that think so for a moment do no harm: no lease is needed',
  },
  {
    rule: 'fail-over-down',
    when: 'synchronous: the guard proved that no process of PostgreSQL is left, and enough members of the set are heard',
    happens: '`FailoverStarted` (`postgres-down`), without waiting for the lease',
    why: 'a standby that has every commit serves sooner than a restart',
  },
  {
    rule: 'suspect-primary',
    when: 'synchronous: renewals are missing for `suspectAfterMs` (0.8 s), and the standbys call guard, agent and PostgreSQL in vain',
    happens: '`FailoverStarted` (`primary-unreachable`): its standbys detach',
    why: 'without them it acknowledges nothing, so its lease need not be waited for; held up by the anti-flap window, then the lease is',
  },
  {
    rule: 'fail-over-dead-postgres',
    when: 'PostgreSQL is down for `restartInPlaceMs` (5 s) on a host that lives, or its crash recovery has not got on for `crashRecoveryStallMs` (60 s)',
    happens: '`FailoverStarted` (`postgres-down`): the guard gives the lease back',
    why: 'a restart loses nothing, so it is tried first; `primaryCrashPolicy` changes that',
  },
  {
    rule: 'fail-over-hung',
    when: 'PostgreSQL runs, but for `hungPrimaryMs` (10 s) no WAL gets to its disk, or no new connection is answered',
    happens:
      '`FailoverStarted` (`primary-hung`): its renewals are refused, its guard kills what can be killed',
    why: 'not in a crash recovery, on a full disk, in pause, within the anti-flap window, or when nobody can take over',
  },
  {
    rule: 'hand-over-leaving',
    when: "the primary's host is shut down and its agent has `onTerminate: handOver`",
    happens: '`SwitchoverStarted` to the best standby',
    why: 'while everything still works it costs a switchover',
  },
  {
    rule: 'accept-hand-back',
    when: "the primary's guard has no agent for `agentAbsenceMs` (30 s), or for 5 s with PostgreSQL down too",
    happens:
      '`FailoverStarted` (`agent-absent`): the guard stops PostgreSQL in order and gives the lease back',
    why: 'not while agents of other clusters are missing too: a bad release or certificate would stop every primary',
  },
  {
    rule: 'restart-in-place',
    when: 'the lease was given back because PostgreSQL or its guard died, and the host is heard',
    happens: '`LeaseGranted` of the next epoch to the same instance, on the same timeline',
    why: 'asynchronous: a failover would lose what was not sent yet',
  },
  {
    rule: 'fail-over-released',
    when: 'the lease has ended, and a restart in place is not possible (its data cannot be used for a second), takes too long, or is worse than a standby with every commit',
    happens: '`FailoverStarted`',
    why: 'a directory that was given to another user, or whose disk failed, is not mended within `restartInPlaceMs`',
  },
  {
    rule: 'fence-by-data',
    when: 'so many members of the synchronous set have proved that they are detached that no commit can be acknowledged any more',
    happens:
      '`LeaseFenced`: the epoch ends, its renewals are refused; with it the next grant, where nobody is to be waited for',
    why: 'the arithmetic is members - count + 1',
  },
  {
    rule: 'grant-to-candidate',
    when: 'a failover runs, the lease has ended, and who is heard has proved itself detached (or 1.5 s have passed)',
    happens:
      '`LeaseGranted` to the furthest that nothing refuses, with every refusal of the others',
    why: 'synchronous: only to one that surely has every acknowledged commit',
  },
  {
    rule: 'fast-forward',
    when: 'whom an operator asked for, or `failoverZones` and `failoverPriority` prefer, lacks at most one segment (16 MiB) of what the most advanced candidate has',
    happens:
      '`FastForwardStarted`: it streams that from there, detaches again, and is granted the next epoch then',
    why: 'a preference costs no WAL, and WAL costs no preference; both run, on one timeline',
  },
  {
    rule: 'give-up-fast-forward',
    when: 'it has not come so far after 1.5 s, or one of the two is not heard any more',
    happens: '`FastForwardGivenUp`: the most advanced is granted the next epoch',
    why: 'nobody serves meanwhile',
  },
  {
    rule: 'keep-sync-set',
    when: 'a standby joins, lags, leaves, or is near for 5 s after it lagged, in a synchronous mode',
    happens:
      '`SyncSettingOrdered`, `SyncSettingConfirmed`, `SyncSetCommitted`, in the order that loses no commit',
    why: 'PostgreSQL is told first of who is added, and last of who is dropped',
  },
  {
    rule: 'record-followers',
    when: 'after an outage every standby streams from the new primary',
    happens: '`StandbysFollowed`: the anti-flap window closes',
    why: '',
  },
  {
    rule: 'measure-primary',
    when: 'version, capacity settings or collation of the primary are new',
    happens: '`PrimaryMeasured`',
    why: 'once it is lost nobody can be asked what candidates are to be compared with',
  },
  {
    rule: 'confirm-failsafe-members',
    when: "failsafe is on and the primary's guard says that it knows of every member",
    happens: '`FailsafeMembersConfirmed`',
    why: 'whom it never asks for a promise could be promoted beside its promises',
  },
  {
    rule: 'record-clock-jump',
    when: "the leader's wall clock left its monotonic one by more than a second, or a new leader's is that far behind the newest event",
    happens: '`ClockJumped`',
    why: 'log time only goes on; windows and limits count the monotonic clock',
  },
  {
    rule: 'withdraw-rebuild',
    when: 'an instance serves as primary that was to be built anew',
    happens: '`RebuildWithdrawn`',
    why: 'kept, the order would stop it once it is a standby again',
  },
  {
    rule: 'record-restarted',
    when: 'the serving primary reports another start of PostgreSQL than before, which no order and no grant explains',
    happens: '`PrimaryResumed`',
    why: 'it came back under the same lease: who looks for lost connections finds when',
  },
  {
    rule: 'record-rebuild',
    when: 'an agent tells of a rebuild: a tenth more, a method that failed, its end',
    happens: '`RebuildProgress`, `RebuildMethodFailed`, `RebuildCompleted`',
    why: '',
  },
  {
    rule: 'order-rebuild',
    when: 'an agent says that its data must be built anew',
    happens: '`RebuildStarted`, as far as `automaticRebuild` allows',
    why: 'an empty directory is always filled; one with data is never replaced on a guess',
  },
  {
    rule: 'record-diverged-wal',
    when: 'a former primary kept what it had written alone, before it is rewound',
    happens: '`DivergedWalKept`, with a summary',
    why: 'what was lost can be looked at',
  },
  {
    rule: 'run-restart',
    when: 'an operator planned restarts',
    happens:
      'one instance after another (`RestartOrdered`, `RestartDone`, `RestartSkipped`), the primary after a switchover; `RestartEnded`',
    why: 'never two at once, never while a standby does not stream',
  },
  {
    rule: 'watch-upstreams',
    when: 'a standby that others stream from is lost, or streams again for 2 s',
    happens: '`UpstreamLost`, `UpstreamReady`: its followers go to the primary, or back',
    why: '',
  },
  {
    rule: 'keep-member-slots',
    when: 'a member is silent for `memberTtlMs` (30 min), or heard again',
    happens: '`MemberSlotReleased`, `MemberSlotRestored`',
    why: 'WAL kept for somebody who never comes fills every disk',
  },
  {
    rule: 'warn-of-slots',
    when: 'a slot of the primary comes near `max_slot_wal_keep_size`, is lost, or is well again',
    happens: '`SlotWarned`',
    why: '',
  },
  {
    rule: 'brake',
    when: 'a lease is about to expire, and another controller heard its guard later than the leader did',
    happens: '`BrakeUsed`: leadership goes to that one, once',
    why: 'a leader that is deaf on one side must not stop primaries',
  },
  {
    rule: 'guard-release',
    when: 'a guard proved its PostgreSQL down and gives its epoch back',
    happens: '`LeaseReleased`',
    why: 'its last act in that epoch: the next one need not wait for the lease',
  },
  {
    rule: 'refuse-*',
    when: 'something is to be done and every way is refused',
    happens: '`ActionRefused`, once for each change of the reasons',
    why: 'see below; it makes no other decision stale',
  },
];

/** Causes of what an operator ordered. */
export const ORDERS: readonly { readonly rule: string; readonly order: string }[] = [
  { rule: 'operator-create', order: '`matriarch cluster create`' },
  { rule: 'operator-switchover', order: '`matriarch switchover`' },
  { rule: 'operator-failover', order: '`matriarch failover`' },
  { rule: 'operator-acknowledge', order: '`matriarch acknowledge`: the anti-flap window ends' },
  { rule: 'operator-pause', order: '`matriarch pause`' },
  {
    rule: 'operator-follow',
    order: '`matriarch demote-cluster`: another remote primary, or an archive, is followed',
  },
  { rule: 'operator-demote-cluster', order: '`matriarch demote-cluster`' },
  { rule: 'operator-promote-cluster', order: '`matriarch promote-cluster`' },
  { rule: 'operator-standby-leader', order: '`matriarch switchover` in a standby cluster' },
  { rule: 'operator-resume', order: '`matriarch resume`' },
  {
    rule: 'operator-confirm',
    order: '`matriarch resume` after the controllers were restored: the state is confirmed',
  },
  { rule: 'operator-maintenance', order: '`matriarch maintenance on|off`' },
  { rule: 'operator-configure', order: '`matriarch config`' },
  { rule: 'operator-restart', order: '`matriarch restart`' },
  { rule: 'operator-cancel-restart', order: '`matriarch restart --cancel`' },
  { rule: 'operator-rebuild', order: '`matriarch reinit`' },
  { rule: 'operator-cancel', order: '`matriarch reinit --cancel`' },
];
