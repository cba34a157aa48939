import { type ClusterState, isSynchronous } from '#libs/cluster';

/** That commits wait for nobody yet although they are to; null where they do, or are not to. */
export function synchronousText({ settings, sync, lease }: ClusterState): string | null {
  const isPrimary = lease.kind === 'Held' && lease.serving;
  if (!isPrimary || sync !== undefined || !isSynchronous({ settings })) return null;
  const { synchronousMode } = settings;
  return (
    `synchronousMode is ${synchronousMode}, but epoch ${lease.epoch} began without it: commits wait for nobody, and a ` +
    'failover may lose some, before the next epoch. `matriarch switchover` begins one'
  );
}
