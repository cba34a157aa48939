import { unreachable } from '#libs/kernel';
import type { ClusterEvent } from '../events.ts';
import type { ClusterState, SyncState } from '../state.ts';
import { evolveSync, type SyncEvent } from './evolve-sync.ts';
import { blend, fencersNeeded, isCovered, type Quorum } from './quorum.ts';
import type { SyncSet } from './sync-events.ts';

/** A set as the arithmetic takes it: by the names that PostgreSQL counts. */
export function quorumOf(set: SyncSet | null): Quorum | null {
  return set === null ? null : { names: set.members.map(({ name }) => name), count: set.count };
}

/** Every setting that the primary's PostgreSQL may be running, also in parts. */
function running({ ordered, superseded }: SyncState): readonly Quorum[] {
  return [ordered, ...superseded, ...superseded.map((before) => blend(before, ordered))];
}

/**
 * Names that some part of the primary's PostgreSQL may still let a commit go on for: each of their
 * walsenders has to have read what is told next before anything is relied on.
 */
export function namesInDoubt({ sync }: Pick<ClusterState, 'sync'>): readonly string[] {
  if (sync === undefined) return [];
  return [sync.ordered, ...sync.superseded].flatMap(({ names }) => names);
}

/**
 * Whether a commit that those have flushed of whom `hasFlushed` is true would be acknowledged. Then every
 * failover finds it, whatever set is relied on by now: none is that does not cover what is ordered.
 */
export function wouldAcknowledge(
  { sync }: Pick<ClusterState, 'sync'>,
  hasFlushed: (name: string) => boolean,
): boolean {
  if (sync === undefined) return true;
  const { names, count } = sync.ordered;
  return names.filter(hasFlushed).length >= count;
}

/** Checked at apply: no order and no commitment ever breaks the arithmetic of safety 2. */
export function admitSync({ sync, lease }: ClusterState, event: SyncEvent): string | null {
  if (sync === undefined) return 'the cluster is not synchronous';
  if (lease.kind !== 'Held' || lease.epoch !== event.epoch || sync.epoch !== event.epoch) {
    return `epoch ${event.epoch} is not held`;
  }
  switch (event.type) {
    case 'SyncSettingOrdered':
      if (event.order !== sync.order + 1) return `the next order is ${sync.order + 1}`;
      return isAllCovered(sync.committed, evolveSync(sync, event))
        ? null
        : 'commits would be acknowledged that a failover could miss';
    case 'SyncSettingConfirmed':
      return event.order === sync.order ? null : `order ${sync.order} is the last`;
    case 'SyncSetCommitted': {
      const { set } = event;
      if (set?.members.some(({ instance }) => instance === lease.holder)) {
        return `${lease.holder} is the primary itself`;
      }
      if (set !== null && (set.count < 1 || set.count > set.members.length)) {
        return `${set.count} of ${set.members.length} members is no set`;
      }
      return isAllCovered(set, sync)
        ? null
        : 'PostgreSQL may acknowledge commits that a failover could miss';
    }
    default:
      return unreachable(event);
  }
}

function isAllCovered(relied: SyncSet | null, sync: SyncState): boolean {
  return running(sync).every((setting) => isCovered(quorumOf(relied), setting));
}

/** |S| - k + 1 members of the set committed at this very version, each named once (safety 5). */
export function admitFence(
  { sync, lease }: ClusterState,
  event: Extract<ClusterEvent, { type: 'LeaseFenced' }>,
): string | null {
  if (lease.kind === 'NeverGranted' || sync === undefined || sync.epoch !== lease.epoch) {
    return 'no set of this epoch is relied on';
  }
  const relied = sync.committed?.members ?? [];
  const named = new Set(event.members.map(({ name }) => name));
  const counted = relied.filter(({ instance, name }) =>
    event.members.some((member) => member.instance === instance && member.name === name),
  );
  if (counted.length !== event.members.length || named.size !== event.members.length) {
    return 'somebody named is not in the set relied on, or named twice';
  }
  const needed = fencersNeeded(quorumOf(sync.committed));
  return counted.length >= needed ? null : `${counted.length} are detached, ${needed} must be`;
}
