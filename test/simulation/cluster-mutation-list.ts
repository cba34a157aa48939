import type { DrawnMode } from '#libs/testing';
import type { SourcePatch } from './raft-bundle.ts';

/** A bug of decisions, lease or guard. Where two lines of defence hold, it takes a patch of each. */
export type ClusterMutation = {
  readonly name: string;
  readonly patches: readonly SourcePatch[];
  /** Where it can show at all; drawn when absent. */
  readonly mode?: DrawnMode;
};

const rule = (room: string): string => `libs/cluster/src/decide/${room}.ts`;
const syncSet = (room: string): string => `libs/cluster/src/sync-set/${room}.ts`;
const lease = (room: string): string => `libs/lease/src/${room}.ts`;
const leader = (room: string): string => `libs/leader/src/${room}.ts`;
const guard = (room: string): string => `libs/guarding/src/${room}.ts`;
const agent = (room: string): string => `libs/reconcile/src/${room}.ts`;
const hands = (room: string): string => `libs/testing/src/cluster-simulator/${room}.ts`;
const cluster = (room: string): string => `libs/cluster/src/${room}.ts`;

const LEASE: readonly ClusterMutation[] = [
  {
    name: 'a right is counted from the answer',
    patches: [
      {
        file: lease('holder'),
        find: 'this.#confirmedSentAt = sentAt;',
        replace: 'this.#confirmedSentAt = now;',
      },
    ],
  },
  {
    name: 'renewals are answered without a confirmation round, and leaders do not doubt themselves',
    patches: [
      { file: 'libs/raft/src/tick.ts', find: '  checkQuorum(state);', replace: '' },
      {
        file: leader('renewals'),
        find: 'this.host.confirm(new LeaseRound(this, service, this.#lastRound));',
        replace: 'new LeaseRound(this, service, this.#lastRound).onConfirmed();',
      },
    ],
  },
  {
    name: 'the leader waits for less than the clocks may differ by',
    patches: [
      {
        file: lease('lease-timing'),
        find: 'return (leaseTtlMs * (1 + rho)) / (1 - rho) + leaseMarginMs;',
        replace: 'return leaseTtlMs * (1 - rho) - leaseMarginMs;',
      },
    ],
  },
  {
    name: 'ages of leases survive a change of the leader',
    patches: [
      {
        file: lease('lease-clock'),
        find: 'mark: this.#time.mark(now), waitMs, closing: false });',
        replace: 'mark: this.#time.mark(now) - waitMs * 0.7, waitMs, closing: false });',
      },
    ],
  },
  {
    name: 'a leader serves before the entry of its own term',
    patches: [
      {
        file: 'libs/raft/src/commit.ts',
        find: "standing.kind === 'leader' && log.appliedIndex >= standing.ownTermIndex;",
        replace: "standing.kind === 'leader' && log.appliedIndex >= 0;",
      },
    ],
  },
  {
    name: 'a grant does not wait for the end of the epoch before',
    patches: [
      {
        file: rule('failover'),
        find: "if (lease.kind === 'Held' || lease.kind === 'NeverGranted' || state.paused) return null;\n  if (!hasHeardEnough",
        replace:
          "if (lease.kind === 'NeverGranted' || state.paused) return null;\n  if (!hasHeardEnough",
      },
      {
        file: cluster('admit'),
        find: "if (lease.kind === 'Held') return `epoch",
        replace: 'if (lease.serving) return `epoch',
      },
      {
        file: cluster('goal-of'),
        find: "state.operation.kind === 'failover' && state.operation.step !== 'yielding'",
        replace: "state.operation.kind === 'failover'",
      },
      {
        file: cluster('evolve'),
        find: "state.lease.kind === 'Held' && !byDataFencing(state, event) ? 'yielding' : 'detaching';",
        replace: "state.lease.serving ? 'yielding' : 'detaching';",
      },
    ],
  },
  {
    name: 'an epoch is declared over without the wait',
    patches: [
      {
        file: lease('lease-clock'),
        find: 'if (silentMs >= waitMs) due.push',
        replace: 'if (silentMs >= waitMs / 2) due.push',
      },
      {
        file: lease('lease-clock'),
        find: 'if (this.#time.since(tracked.mark) < tracked.waitMs) return false;',
        replace: '',
      },
    ],
  },
];

const GUARD: readonly ClusterMutation[] = [
  {
    name: 'a lease is released without a proof that nothing runs',
    patches: [
      {
        file: guard('orders'),
        find: "if (notDown !== null) return notDown;\n    if (instance.serving.kind !== 'none') return refused('POSTGRES_RUNNING', 'just started');",
        replace: '',
      },
      {
        file: agent('primary-rules'),
        find: "if (replaced(goal, condition)) return stopNow('the lease was granted to an earlier guard');\n  const { epoch, timeline } = goal;",
        replace:
          'if (replaced(goal, condition)) return releaseForTheDeadGuard(goal);\n  const { epoch, timeline } = goal;',
      },
      {
        file: agent('giving-up-rules'),
        find: 'primary: stopToYield,',
        replace: 'primary: giveBack,',
      },
    ],
  },
  {
    name: 'a primary is started without the lease',
    patches: [
      {
        file: guard('instance'),
        find: 'if (this.#lease.mayServe(epoch)) return null;',
        replace: 'return null;',
      },
      {
        file: guard('instance'),
        find: 'const meanwhile = this.#withoutLease(epoch) ?? this.#armFuse();',
        replace: 'const meanwhile = null;',
      },
      {
        file: guard('instance'),
        find: 'const refusal = this.#withoutLease(epoch) ?? this.#armFuse();',
        replace: 'const refusal = null;',
      },
    ],
  },
  {
    name: 'a standby that is being promoted is not stopped with the lease',
    patches: [
      {
        file: guard('instance'),
        find: "this.#serving = { kind: 'primary', epoch };\n    this.#log.info('promotion begins'",
        replace: "this.#fuse.disarm();\n    this.#log.info('promotion begins'",
      },
    ],
  },
  {
    name: 'the guard does not stop PostgreSQL at the deadline, and neither does the fuse',
    patches: [
      {
        file: guard('instance'),
        find: 'if (!isPrimary) return;\n    this.#postmaster.stopImmediate(graceMs);',
        replace: 'if (!isPrimary || isPrimary) return;',
      },
      {
        file: guard('instance'),
        find: 'if (killAtBootMs !== null && this.#fuse.arm(killAtBootMs)) return null;',
        replace: 'if (killAtBootMs !== null) return null;',
      },
    ],
  },
];

const ASYNC: readonly ClusterMutation[] = [
  {
    name: 'the lag limit is forgotten',
    mode: 'async',
    patches: [
      {
        file: rule('candidates'),
        find: 'if (lagBytes > limit) {',
        replace: 'if (lagBytes < 0n) {',
      },
    ],
  },
  {
    name: 'the furthest standby is not preferred',
    mode: 'async',
    patches: [{ file: rule('candidates'), find: 'if (byRank !== 0) return byRank;', replace: '' }],
  },
  {
    name: 'a timeline that was granted and not promoted is forgotten',
    patches: [
      {
        file: cluster('evolve'),
        find: 'const highestTimeline = Math.max(state.highestTimeline, timeline);',
        replace:
          'const highestTimeline = Math.max(0, ...state.history.map((each) => each.timeline));',
      },
    ],
  },
  {
    name: 'noFailover is ignored',
    patches: [
      {
        file: rule('fitness'),
        find: 'if (members[instance]?.tags.noFailover === true && !asked) {',
        replace: 'if (members[instance]?.tags.noFailover === null) {',
      },
    ],
  },
  {
    name: 'a former primary is left out of its outage for good (seed 29)',
    patches: [
      {
        file: rule('failover'),
        find: 'const excluded = limits.excluded.filter((name) => name !== operation.primary);\n  return',
        replace: 'const excluded = limits.excluded;\n  return',
      },
      {
        file: rule('failover'),
        find: 'return judgeMembers(input, { ...limits, excluded: [] });',
        replace: 'return judgeMembers(input, limits);',
      },
    ],
  },
  {
    name: 'a holder whose promotion nobody heard of is taken for diverged (seed 5270)',
    patches: [
      {
        file: rule('candidates'),
        find: 'if (!granted.includes(position.timeline) ||',
        replace: 'if (position.timeline >= 0 ||',
      },
    ],
  },
  {
    name: 'a given-up failover keeps its standbys detached',
    mode: 'quorum',
    patches: [
      {
        file: cluster('evolve'),
        find: "return state.lease.kind === 'Held' ? { ...ended, detachReleased: state.lease.epoch } : ended;",
        replace: 'return ended;',
      },
    ],
  },
  {
    name: 'what was heard of the primary is forgotten when a failover begins',
    mode: 'async',
    patches: [
      {
        file: rule('loss'),
        find: 'lastKnown: input.observations.lastKnown,',
        replace: 'lastKnown: null,',
      },
    ],
  },
];

const AGENT: readonly ClusterMutation[] = [
  {
    name: 'an agent acts on a state that nobody confirmed',
    patches: [
      {
        file: agent('reconciler'),
        find: 'if (!this.#isConfirmed(state)) {\n      confirmations.ask(state.sequence);\n      return false;\n    }',
        replace: 'if (!this.#isConfirmed(state)) confirmations.ask(state.sequence);',
      },
    ],
  },
  {
    name: 'a diverged instance is started without a rewind',
    patches: [
      {
        file: agent('standby-rules'),
        find: 'return rewindOrRebuild(goal, condition, divergence.why);',
        replace: "return { kind: 'startStandby', upstream, why: '' };",
      },
    ],
  },
  {
    name: 'the primary of an older epoch is followed by a standby that promised not to',
    mode: 'async',
    patches: [
      {
        file: hands('sim-steps'),
        find: 'postgres.directory.conninfo = null;\n    if (postgres.alive) {\n      postgres.reload();',
        replace: 'if (postgres.alive) {',
      },
      {
        file: hands('sim-steps'),
        find: "if (postgres.upstreamInForce !== null && !held) throw new StepError('not reloaded', true);",
        replace: '',
      },
    ],
  },
];

const SYNCHRONOUS: readonly ClusterMutation[] = [
  {
    name: 'one detached member is enough to fence',
    mode: 'quorum',
    patches: [
      {
        file: rule('data-fencing'),
        find: 'if (fencers.length < fencersNeeded(quorumOf(sync.committed))) return null;',
        replace: 'if (fencers.length < 1) return null;',
      },
      {
        file: rule('assurance'),
        find: 'if (fencers.length < fencersNeeded(quorumOf(state.sync?.committed ?? null))) return null;',
        replace: 'if (fencers.length < 1) return null;',
      },
      {
        file: syncSet('admit-sync'),
        find: 'return counted.length >= needed ? null',
        replace: 'return counted.length >= 1 ? null',
      },
    ],
  },
  {
    name: 'a set is relied on before its members have caught up',
    mode: 'quorum',
    patches: [
      {
        file: rule('sync-set'),
        find: 'if (event === null || (move.caughtUp && !haveCaughtUp(event, sync))) return;',
        replace: 'if (event === null) return;',
      },
    ],
  },
  {
    name: 'a set is relied on that PostgreSQL does not wait for',
    mode: 'quorum',
    patches: [
      {
        file: syncSet('quorum'),
        find: 'return fencersNeeded(relied) + running.count > union;',
        replace:
          'return fencersNeeded(relied) + running.count > Math.min(union, relied.names.length);',
      },
    ],
  },
  {
    name: 'PostgreSQL waits for fewer while the old set is relied on',
    mode: 'quorum',
    patches: [
      {
        file: syncSet('next-move'),
        find: 'if (!mayStall && isCoveredThrough(committed, ordered, setting))',
        replace: 'if (!mayStall)',
      },
      {
        file: syncSet('admit-sync'),
        find: 'return isAllCovered(sync.committed, evolveSync(sync, event))',
        replace: 'return sync !== undefined',
      },
    ],
  },
  {
    name: 'walsenders are thought to read a setting all at once (seed 3015)',
    mode: 'quorum',
    patches: [
      {
        file: syncSet('quorum'),
        find: 'return { names, count: Math.min(...read.map(({ count }) => count)) };',
        replace: 'return next.names.length > names.length ? { ...next, names } : next;',
      },
    ],
  },
  {
    name: 'a proof forgets the names of older settings (seed 18)',
    patches: [
      {
        file: syncSet('admit-sync'),
        find: 'return [sync.ordered, ...sync.superseded].flatMap(({ names }) => names);',
        replace: 'return [];',
      },
      {
        file: hands('sync-steps'),
        find: 'const shows = replied && reading.setting.names.includes(name);',
        replace: 'const shows = false;',
      },
    ],
    mode: 'sync',
  },
  {
    name: 'an order counts as confirmed before it was proved',
    mode: 'quorum',
    patches: [
      {
        file: rule('sync-set'),
        find: 'if (confirmedAt !== null || synchronous?.proved !== true || synchronous.order !== order) return;',
        replace: 'if (confirmedAt !== null || synchronous?.order !== order) return;',
      },
    ],
  },
  {
    name: 'a new primary is covered by the set of the one before',
    mode: 'quorum',
    patches: [
      {
        file: syncSet('evolve-sync'),
        find: 'const committed = goesOn ? (sync?.committed ?? null) : null;',
        replace: 'const committed = sync?.committed ?? null;',
      },
    ],
  },
  {
    name: 'a candidate is taken without any assurance',
    mode: 'quorum',
    patches: [
      {
        file: rule('assurance'),
        find: "if (floor === null) return { kind: 'refused', refusal: notAssured(input, candidate) };\n      if (compareRanks",
        replace: 'if (floor !== null && compareRanks',
      },
    ],
  },
  {
    name: 'a candidate may have less than those who fence',
    mode: 'quorum',
    patches: [
      {
        file: rule('assurance'),
        find: 'if (compareRanks(candidate.rank, floor.rank) > 0) {',
        replace: 'if (compareRanks(candidate.rank, floor.rank) > 2) {',
      },
      {
        file: rule('candidates'),
        find: 'if (byRank !== 0) return byRank;',
        replace: 'if (byRank !== 0) return -byRank;',
      },
    ],
  },
  {
    name: 'a proof of detachment from before a given-up failover counts',
    mode: 'quorum',
    patches: [
      {
        file: rule('sight'),
        find: 'return released && actedVersion < since ? null : detached;',
        replace: 'return detached;',
      },
    ],
  },
  {
    name: 'clients are let in at once on a restarted primary',
    patches: [
      {
        file: syncSet('admit-sync'),
        find: 'return names.filter(hasFlushed).length >= count;',
        replace: 'return true;',
      },
    ],
    mode: 'quorum',
  },
  {
    name: 'a restarted agent lets clients in (seed 3085)',
    mode: 'quorum',
    patches: [
      {
        file: hands('sim-steps'),
        find: 'if (!node.files.clientsKeptOut) node.postgres.letClientsIn();',
        replace: 'if (facts.recoveredTo === null) node.postgres.letClientsIn();',
      },
    ],
  },
];

export const CLUSTER_MUTATIONS: readonly ClusterMutation[] = [
  ...LEASE,
  ...GUARD,
  ...ASYNC,
  ...AGENT,
  ...SYNCHRONOUS,
];

/** Changes that keep every promise: what catches one of them is a false alarm. */
export const CLUSTER_HARMLESS: readonly ClusterMutation[] = [
  {
    name: 'harmless: the leader waits a little longer',
    patches: [
      {
        file: lease('lease-timing'),
        find: '/ (1 - rho) + leaseMarginMs;',
        replace: '/ (1 - rho) + leaseMarginMs + 150;',
      },
    ],
  },
  {
    name: 'harmless: candidates that are not heard are waited for longer',
    patches: [
      {
        file: rule('failover'),
        find: 'const DETACH_WAIT_MS = 1_500;',
        replace: 'const DETACH_WAIT_MS = 2_500;',
      },
    ],
  },
  {
    name: 'harmless: sync moves are taken one at a time',
    patches: [
      {
        file: rule('sync-set'),
        find: 'const MOVES_AT_ONCE = 4;',
        replace: 'const MOVES_AT_ONCE = 1;',
      },
    ],
  },
];
