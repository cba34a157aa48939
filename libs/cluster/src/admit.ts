import type { ClusterEvent } from './events.ts';
import type { ClusterState } from './state.ts';

/**
 * Why `event` may not follow on `state`, or null when it may. Checked by every controller at apply, so
 * that not even a faulty decision can grant an epoch while another is held (reference/raft.md 5.2).
 */
export function admit(state: ClusterState | null, event: ClusterEvent): string | null {
  if (event.type === 'ClusterCreated') {
    return state === null ? null : 'the cluster exists already';
  }
  if (state === null) return 'the cluster does not exist';
  const { lease } = state;
  switch (event.type) {
    case 'LeaseGranted':
      return admitGrant(state, event);
    case 'LeaseReleased':
    case 'LeaseExpired':
      if (lease.kind !== 'Held') return `no epoch is held, the lease is ${lease.kind}`;
      return lease.epoch === event.epoch
        ? null
        : `epoch ${lease.epoch} is held, not ${event.epoch}`;
    case 'Promoted':
    case 'PrimaryResumed':
      if (lease.kind !== 'Held') return `no epoch is held, the lease is ${lease.kind}`;
      if (lease.epoch !== event.epoch || lease.holder !== event.instance) {
        return `epoch ${lease.epoch} is held by ${lease.holder}`;
      }
      return null;
    default:
      return null;
  }
}

function admitGrant(
  state: ClusterState,
  event: Extract<ClusterEvent, { type: 'LeaseGranted' }>,
): string | null {
  const { lease, highestTimeline } = state;
  if (state.members[event.holder] === undefined) return `${event.holder} is not a member`;
  if (lease.kind === 'NeverGranted') {
    return event.epoch === 1 ? null : `the first epoch is 1, not ${event.epoch}`;
  }
  if (lease.kind === 'Held') return `epoch ${lease.epoch} is still held by ${lease.holder}`;
  if (event.epoch !== lease.epoch + 1) return `the next epoch is ${lease.epoch + 1}`;
  const current = state.history.at(-1)?.timeline ?? 0;
  const resumes = event.timeline === current && event.holder === lease.holder;
  if (!resumes && event.timeline <= highestTimeline) {
    return `timeline ${event.timeline} was given out before (highest ${highestTimeline})`;
  }
  return null;
}
