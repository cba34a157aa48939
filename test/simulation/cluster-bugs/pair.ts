import { type ClusterMutation, rule } from './cluster-mutation.ts';

/** Of turning the writing over to another site and back. */
export const PAIR: readonly ClusterMutation[] = [
  {
    name: 'a cluster is promoted on the timeline alone, however much of it is here',
    site: true,
    patches: [
      {
        file: rule('standby-cluster/promote-cluster'),
        find: 'const has = received.timeline === lastWritten.timeline && received.lsn >= lastWritten.lsn;',
        replace: 'const has = received.timeline === lastWritten.timeline;',
      },
    ],
  },
  {
    name: 'no ids are left free for what the other site gave out unheard',
    site: true,
    patches: [
      {
        file: rule('standby-cluster/promote-cluster'),
        find: 'lastWritten === null || acceptUnknown ? TIMELINES_LEFT_FREE : 0',
        replace: '0',
      },
    ],
  },
];
