import { type ClusterMutation, cluster, leader, lease, rule } from './cluster-mutation.ts';

export const LEASE: readonly ClusterMutation[] = [
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
        find: 'this.host.confirm(new LeaseRound(this, service, this.#lastRound), pace);',
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
        file: rule('failover/failover'),
        find: "if (lease.kind === 'Held' || lease.kind === 'NeverGranted') return null;\n  // What an operator ordered",
        replace: "if (lease.kind === 'NeverGranted') return null;\n  // What an operator ordered",
      },
      {
        file: cluster('admit'),
        find: "if (lease.kind === 'Held') return `epoch",
        replace: 'if (lease.serving) return `epoch',
      },
      {
        file: cluster('goal-of'),
        find: "if (operation.kind === 'failover' && operation.step !== 'yielding') {",
        replace: "if (operation.kind === 'failover') {",
      },
      {
        file: cluster('evolve-outage'),
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
