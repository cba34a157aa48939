import { type EpochMs, type TimelineId, unreachable } from '#libs/kernel';
import type { LeaseEvent } from './lease-events.ts';
import { timingOf } from './revisions.ts';
import type { ClusterState, Lease, Operation } from './state.ts';
import { syncOfGrant } from './sync-set/evolve-sync.ts';

type Recorded<T extends LeaseEvent['type']> = Extract<LeaseEvent, { type: T }>;
type Timing = NonNullable<Recorded<'LeaseGranted'>['timing']>;

/** Who may write, and how far the saga that waits for it is thereby. */
export function evolveLease(state: ClusterState, event: LeaseEvent, at: EpochMs): ClusterState {
  switch (event.type) {
    case 'LeaseGranted':
      return granted(state, event, at);
    case 'LeaseReleased':
      return ended(state, 'Released', event, at);
    case 'LeaseExpired':
      return ended(state, 'Expired', null, at);
    case 'LeaseFenced':
      return ended(state, 'Fenced', null, at);
    case 'Promoted':
      return promoted(state, event);
    case 'PrimaryResumed':
      return { ...state, lease: servingLease(state.lease) };
    default:
      return unreachable(event);
  }
}

function granted(state: ClusterState, event: Recorded<'LeaseGranted'>, at: EpochMs): ClusterState {
  const { epoch, holder, guard, timeline, reason } = event;
  const lease: Lease = {
    kind: 'Held',
    epoch,
    holder,
    guard,
    timeline,
    reason,
    serving: false,
    released: null,
    changedAt: at,
    ...unrecordedOf(state, event),
    timing: timingOf(state.settings),
  };
  const highestTimeline = Math.max(state.highestTimeline, timeline);
  // Who streams from a new primary must be seen anew; slots of the old one say nothing of this one.
  const moved = state.lease.kind === 'NeverGranted' || state.lease.holder !== holder;
  const { sync: _before, readyUpstreams, slotDangers, ...others } = state;
  const seen = {
    ...(readyUpstreams === undefined ? {} : { readyUpstreams }),
    ...(slotDangers === undefined ? {} : { slotDangers }),
  };
  return {
    ...others,
    ...(moved ? {} : seen),
    ...syncOfGrant(state, event),
    lease,
    highestTimeline,
    lastRefusal: null,
    operation: withGrant(state.operation, event, at),
  };
}

/**
 * What was granted before, nobody heard taken, and this holder's data may have: all that it was granted
 * itself; of another's up to the timeline that it was chosen on, for it streamed from that one.
 */
function unrecordedOf(
  { lease, history }: ClusterState,
  { holder, position }: Recorded<'LeaseGranted'>,
): { readonly unrecorded?: readonly TimelineId[] } {
  if (lease.kind === 'NeverGranted') return {};
  const granted = [...(lease.unrecorded ?? []), lease.timeline];
  const followed = position === null ? 0 : granted.indexOf(position.timeline) + 1;
  const own = lease.holder === holder ? granted.length : followed;
  const unrecorded = granted
    .slice(0, own)
    .filter((id) => !history.some(({ timeline }) => timeline === id));
  return unrecorded.length === 0 ? {} : { unrecorded };
}

function withGrant(operation: Operation, event: Recorded<'LeaseGranted'>, at: EpochMs): Operation {
  if (operation.kind !== 'failover' && operation.kind !== 'switchover') return operation;
  if (operation.kind === 'switchover') {
    const phasesMs = { ...operation.phasesMs, catchUp: at - operation.stepAt };
    return { ...operation, step: 'promoting', stepAt: at, phasesMs };
  }
  const stepMs = at - operation.stepAt;
  // It had been chosen before, and was brought forward since.
  const forward = operation.fastForward !== undefined;
  const last = forward ? { fastForward: stepMs } : choicePhases(stepMs, event);
  const phasesMs = { ...operation.phasesMs, ...last };
  return { ...operation, step: 'promoting', stepAt: at, phasesMs, chosenAt: event.position };
}

/** What is neither waiting nor choosing went by until the verdict was committed: `decide`. */
function choicePhases(stepMs: number, { timing }: Recorded<'LeaseGranted'>) {
  return timing === undefined ? { detach: stepMs } : dividedAs(stepMs, timing);
}

/** How a step's time divides, by what the leader measured of it. */
export function dividedAs(stepMs: number, { detachMs, chooseMs }: Timing) {
  const decide = Math.max(0, stepMs - detachMs - chooseMs);
  return { decide, detach: detachMs, choose: chooseMs };
}

/** The lease ends; a saga that waited for it goes on. */
function ended(
  state: ClusterState,
  kind: 'Released' | 'Expired' | 'Fenced',
  release: Recorded<'LeaseReleased'> | null,
  at: EpochMs,
): ClusterState {
  if (state.lease.kind === 'NeverGranted') return state;
  const released = release?.reason ?? null;
  const lease: Lease = { ...state.lease, kind, serving: false, released, changedAt: at };
  return { ...state, lease, operation: withEnd(state.operation, release?.position ?? null, at) };
}

function withEnd(
  operation: Operation,
  position: Recorded<'LeaseReleased'>['position'],
  at: EpochMs,
): Operation {
  if (operation.kind === 'switchover' && operation.step === 'stopping') {
    const phasesMs = { ...operation.phasesMs, stop: at - operation.stepAt };
    return { ...operation, step: 'catchingUp', stepAt: at, stoppedAt: position, phasesMs };
  }
  if (operation.kind === 'demotion') return { ...operation, stepAt: at, stoppedAt: position };
  if (operation.kind === 'failover') {
    const phasesMs = { ...operation.phasesMs, fence: at - operation.stepAt };
    return { ...operation, step: 'detaching', stepAt: at, phasesMs };
  }
  return operation;
}

function promoted(state: ClusterState, event: Recorded<'Promoted'>): ClusterState {
  const { timeline, fork } = event;
  const known = state.history.some((record) => record.timeline === timeline);
  const history = known ? state.history : [...state.history, { timeline, fork }];
  return { ...state, history, lease: servingLease(state.lease) };
}

function servingLease(lease: Lease): Lease {
  return lease.kind === 'NeverGranted' ? lease : { ...lease, serving: true };
}
