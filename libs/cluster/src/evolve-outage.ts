import { unreachable } from '#libs/kernel';
import type { OutageEvent } from './outage-events.ts';
import type { RecordedEvent } from './recorded-event.ts';
import type { ClusterState } from './state.ts';
import { byDataFencing } from './sync-set/evolve-sync.ts';

type Recorded<T extends OutageEvent['type']> = Extract<OutageEvent, { type: T }>;

/** The sagas of failover and switchover, from their beginning to their end. */
export function evolveOutage(
  state: ClusterState,
  event: OutageEvent,
  recorded: RecordedEvent,
): ClusterState {
  switch (event.type) {
    case 'FailoverStarted':
      return failoverStarted(state, event, recorded);
    case 'SwitchoverStarted':
      return switchoverStarted(state, event, recorded);
    case 'FailoverAborted':
      return failoverAborted(state);
    case 'FailoverCompleted':
    case 'SwitchoverAbandoned':
    case 'SwitchoverCompleted':
      return { ...state, operation: { kind: 'none' } };
    case 'PrimaryMeasured':
      return { ...state, primaryServer: event.server };
    case 'DivergedWalKept':
      return withKeptWal(state, event);
    case 'StandbysFollowed':
    case 'FailoverAcknowledged':
      return state;
    default:
      return unreachable(event);
  }
}

function failoverStarted(
  state: ClusterState,
  event: Recorded<'FailoverStarted'>,
  { at, version }: RecordedEvent,
): ClusterState {
  const { epoch, primary, trigger, lastKnown, candidate, acceptLoss, copyAside, excluded } = event;
  // Data fencing begins while the lease is held; else its holder is asked to give it back first.
  const step =
    state.lease.kind === 'Held' && !byDataFencing(state, event) ? 'yielding' : 'detaching';
  const phasesMs = { detect: event.detectMs };
  const common = { epoch, primary, trigger, lastKnown, candidate, acceptLoss, excluded };
  const back = copyAside === undefined ? {} : { copyAside };
  return {
    ...state,
    operation: {
      kind: 'failover',
      step,
      ...common,
      ...back,
      startedAt: at,
      startedVersion: version,
      stepAt: at,
      chosenAt: null,
      phasesMs,
    },
  };
}

/** A failover that is given up while its epoch is held lets the standbys go back to its primary. */
function failoverAborted(state: ClusterState): ClusterState {
  const ended: ClusterState = { ...state, operation: { kind: 'none' } };
  return state.lease.kind === 'Held' ? { ...ended, detachReleased: state.lease.epoch } : ended;
}

function switchoverStarted(
  state: ClusterState,
  event: Recorded<'SwitchoverStarted'>,
  { at }: RecordedEvent,
): ClusterState {
  const { epoch, from, to } = event;
  const times = { startedAt: at, stepAt: at, phasesMs: {}, stoppedAt: null };
  return {
    ...state,
    operation: { kind: 'switchover', step: 'stopping', epoch, from, to, ...times },
  };
}

function withKeptWal(state: ClusterState, event: Recorded<'DivergedWalKept'>): ClusterState {
  const { instance, wal, taken = 0 } = event;
  const highestTimeline = Math.max(state.highestTimeline, taken);
  const divergedWal = { ...state.divergedWal, [instance]: wal.keptAt };
  return { ...state, divergedWal, highestTimeline };
}
