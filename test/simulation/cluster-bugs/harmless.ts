import { type ClusterMutation, lease, rule } from './cluster-mutation.ts';

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
        file: rule('failover/failover'),
        find: 'const DETACH_WAIT_MS = 1_500;',
        replace: 'const DETACH_WAIT_MS = 2_500;',
      },
    ],
  },
  {
    name: 'harmless: sync moves are taken one at a time',
    patches: [
      {
        file: rule('sync/sync-set'),
        find: 'const MOVES_AT_ONCE = 4;',
        replace: 'const MOVES_AT_ONCE = 1;',
      },
    ],
  },
];
