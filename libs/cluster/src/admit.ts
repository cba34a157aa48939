import type { ClusterName } from '#libs/kernel';
import type { ClusterEvent } from './events.ts';
import type { ClusterState } from './state.ts';
import { admitFence, admitSync } from './sync-set/admit-sync.ts';

/**
 * Why `event` may not follow on `state`, or null when it may. Checked by every controller at apply, so
 * that not even a faulty decision can grant an epoch while another is held (reference/raft.md 5.2).
 */
export function admit(
  state: ClusterState | null,
  event: ClusterEvent,
  clusterNamed: (name: ClusterName) => ClusterState | null = () => null,
): string | null {
  if (event.type === 'ClusterCreated') {
    return state === null ? null : 'the cluster exists already';
  }
  if (state === null) return 'the cluster does not exist';
  switch (event.type) {
    case 'LeaseGranted':
      return admitGrant(state, event);
    case 'ClusterDemotionStarted':
      return state.following === undefined ? null : 'the cluster follows another already';
    case 'ClusterDemoted':
      return admitDemotion(state);
    case 'ClusterPromoted':
      return admitPromotion(state, event, clusterNamed);
    case 'LeaseFenced':
      return admitEnd(state, event) ?? admitFence(state, event);
    case 'SyncSettingOrdered':
    case 'SyncSettingConfirmed':
    case 'SyncSetCommitted':
      return admitSync(state, event);
    case 'LeaseReleased':
    case 'LeaseExpired':
      return admitEnd(state, event);
    case 'Promoted':
      return admitHolder(state, event) ?? admitTimeline(state, event);
    case 'PrimaryResumed':
      return admitHolder(state, event);
    case 'ClusterInitialised':
      return state.systemIdentifier === null ? null : 'the cluster was initialised before';
    case 'InstanceRemoved':
      return state.lease.kind === 'Held' && state.lease.holder === event.instance
        ? `${event.instance} holds epoch ${state.lease.epoch}`
        : null;
    default:
      return null;
  }
}

/** Following and holding the right to write exclude each other, at every point of the log. */
function admitDemotion({ lease, following }: ClusterState): string | null {
  if (following !== undefined) return 'the cluster follows another already';
  return lease.kind === 'Held' ? `epoch ${lease.epoch} is held by ${lease.holder}` : null;
}

/**
 * One log orders both clusters of a pair: whichever is promoted first is seen here by the other, however
 * their operators' orders crossed.
 */
function admitPromotion(
  { following }: ClusterState,
  { others }: Extract<ClusterEvent, { type: 'ClusterPromoted' }>,
  clusterNamed: (name: ClusterName) => ClusterState | null,
): string | null {
  if (following === undefined) return 'the cluster follows nobody';
  const writing = others.find((name) => clusterNamed(name)?.following === undefined);
  return writing === undefined ? null : `${writing} has the same data and may write`;
}

function admitEnd(
  { lease }: ClusterState,
  event: Extract<ClusterEvent, { type: 'LeaseReleased' | 'LeaseExpired' | 'LeaseFenced' }>,
): string | null {
  if (lease.kind !== 'Held') return `no epoch is held, the lease is ${lease.kind}`;
  if (lease.epoch !== event.epoch) return `epoch ${lease.epoch} is held, not ${event.epoch}`;
  if (event.type === 'LeaseReleased' && event.guard !== lease.guard) {
    return `epoch ${lease.epoch} is held by guard ${lease.guard}, not ${event.guard}`;
  }
  return null;
}

function admitHolder(
  { lease }: ClusterState,
  event: Extract<ClusterEvent, { type: 'Promoted' | 'PrimaryResumed' }>,
): string | null {
  if (lease.kind !== 'Held') return `no epoch is held, the lease is ${lease.kind}`;
  if (lease.epoch === event.epoch && lease.holder === event.instance) return null;
  return `epoch ${lease.epoch} is held by ${lease.holder}`;
}

/**
 * A history with a timeline that hangs in the air would make every standby look diverged, and all of
 * them would be copied anew at the same time.
 */
function admitTimeline(
  { lease, history }: ClusterState,
  { timeline, fork }: Extract<ClusterEvent, { type: 'Promoted' }>,
): string | null {
  if (lease.kind !== 'NeverGranted' && timeline > lease.timeline) {
    return `timeline ${timeline} was not granted, ${lease.timeline} was`;
  }
  if (fork === null) {
    return history.length === 0 ? null : `timeline ${timeline} left none of the cluster's`;
  }
  const known = history.some((record) => record.timeline === fork.from);
  return known ? null : `timeline ${fork.from}, which ${timeline} left, is not the cluster's`;
}

function admitGrant(
  state: ClusterState,
  event: Extract<ClusterEvent, { type: 'LeaseGranted' }>,
): string | null {
  const { lease, highestTimeline, following } = state;
  if (following !== undefined) return 'the cluster follows another: nobody here may write';
  if (state.members[event.holder] === undefined) return `${event.holder} is not a member`;
  if (lease.kind === 'NeverGranted') {
    return event.epoch === 1 ? null : `the first epoch is 1, not ${event.epoch}`;
  }
  if (lease.kind === 'Held') return `epoch ${lease.epoch} is still held by ${lease.holder}`;
  if (event.epoch !== lease.epoch + 1) return `the next epoch is ${lease.epoch + 1}`;
  const current = state.history.at(-1)?.timeline ?? 0;
  // A holder that was granted a later timeline never wrote this one.
  const resumes =
    event.timeline === current &&
    event.holder === lease.holder &&
    (lease.timeline === current || state.history.length === 0);
  if (!resumes && event.timeline <= highestTimeline) {
    return `timeline ${event.timeline} was given out before (highest ${highestTimeline})`;
  }
  return null;
}
