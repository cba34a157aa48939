import type { InstanceName } from '#libs/kernel';
import { withDefaults } from '../settings.ts';
import { type ClusterState, type MemberRecord, memberNames } from '../state.ts';
import { ALONE, NOBODY, type SyncSetting } from './quorum.ts';

/** Whether commits of this cluster wait for standbys. States of older versions do not say. */
export function isSynchronous({ settings }: Pick<ClusterState, 'settings'>): boolean {
  const { synchronousMode } = withDefaults(settings);
  return synchronousMode === 'priority' || synchronousMode === 'quorum';
}

/**
 * Whether whoever comes next has to have every commit that was acknowledged. An epoch that began in asynchronous mode has
 * no set to prove it by, and promised none: it ends by the rules of that mode, however the cluster is kept by now.
 * A set that is still relied on is kept until the last change of mode has let it go.
 */
export function keepsEveryCommit(state: Pick<ClusterState, 'settings' | 'sync'>): boolean {
  const { sync } = state;
  return sync !== undefined && (isSynchronous(state) || sync.committed !== null);
}

/** Waiting for one that may not be promoted keeps no commit: nobody could serve what it holds. */
export function maySync({ tags, replicationName }: MemberRecord): boolean {
  return replicationName !== undefined && tags.noSync !== true && !tags.noFailover;
}

/**
 * What a standby's own PostgreSQL holds ready for the moment in which it is promoted (safety 15): it
 * waits for the others, never for itself, and does not go on alone before the leader says so.
 */
export function standingSetting(state: ClusterState, own: InstanceName): SyncSetting {
  const { synchronousStrict, synchronousNodeCount } = withDefaults(state.settings);
  const names = memberNames(state)
    .filter((name) => name !== own)
    .sort()
    .flatMap((name) => {
      const member = state.members[name];
      return member !== undefined && maySync(member) ? [member.replicationName ?? ''] : [];
    });
  if (names.length === 0) return synchronousStrict ? NOBODY : ALONE;
  return { method: 'any', names, count: Math.min(synchronousNodeCount, names.length) };
}

/** What an instance is started with: as it was ordered to the holder, and ready for it on others. */
export function settingAtStart(state: ClusterState, instance: InstanceName): SyncSetting {
  const { lease, sync } = state;
  if (lease.kind === 'Held' && lease.holder === instance && sync !== undefined) return sync.ordered;
  return isSynchronous(state) ? standingSetting(state, instance) : ALONE;
}

/** The first primary has nobody yet. */
export function firstSetting({ settings }: ClusterState): SyncSetting {
  return withDefaults(settings).synchronousStrict ? NOBODY : ALONE;
}

/** What a grant says of it: nothing where commits wait for nobody. */
export function synchronousOf(
  state: ClusterState,
  setting: SyncSetting,
): { readonly synchronous?: SyncSetting } {
  return isSynchronous(state) ? { synchronous: setting } : {};
}
