import { epoch, epochMs, type InstanceName, type TimelineId, unreachable } from '#libs/kernel';
import { withoutEmptyAccess } from './access.ts';
import { type BackupPolicies, REVISIONS_KEPT } from './configuration.ts';
import type { ClusterEvent } from './events.ts';
import { failsafeAfter } from './failsafe/failsafe-state.ts';
import { evolveFastForward } from './fast-forward/evolve-fast-forward.ts';
import { type FastForwardEvent, isFastForwardEvent } from './fast-forward/fast-forward-events.ts';
import { flapWindowAfter } from './flap-window.ts';
import { outageAfter } from './outage.ts';
import { isRebuildEvent } from './rebuild/rebuild-events.ts';
import { evolveRebuilds } from './rebuild/rebuild-record.ts';
import type { RecordedEvent } from './recorded-event.ts';
import { evolveRemote } from './remote/evolve-remote.ts';
import { isRemoteEvent } from './remote/remote-events.ts';
import { evolveReplication } from './replication/evolve-replication.ts';
import { isReplicationEvent } from './replication/replication-events.ts';
import { isRestartEvent } from './restart/restart-events.ts';
import { evolveRestart } from './restart/restart-plan.ts';
import {
  backupPoliciesOf,
  configurationOf,
  timingOf,
  withBackupPolicies,
  withConfiguration,
} from './revisions.ts';
import { withDefaults } from './settings.ts';
import type { ClusterState, Lease, Operation } from './state.ts';
import { emptyState } from './state.ts';
import { byDataFencing, evolveSync, syncOfGrant } from './sync-set/evolve-sync.ts';

type Recorded<T extends ClusterEvent['type']> = Extract<ClusterEvent, { type: T }>;
type Timing = NonNullable<Recorded<'LeaseGranted'>['timing']>;

/** Folds one recorded event. `state` is null only before `ClusterCreated`. */
export function evolve(state: ClusterState | null, recorded: RecordedEvent): ClusterState {
  const { event, sequence, version, at } = recorded;
  if (event.type === 'ClusterCreated') {
    const created = emptyState(recorded.cluster, withDefaults(event.settings), event.postgres);
    const { standbyOf: remote } = event;
    const following =
      remote === undefined ? {} : { following: { remote, leader: null, stoppedAt: null } };
    return { ...created, ...following, version, sequence, lastEventAt: at };
  }
  if (state === null) throw new Error(`${recorded.cluster}: ${event.type} before ClusterCreated`);
  const applied = { ...apply(state, event, recorded), version, sequence, lastEventAt: at };
  const { failsafe: _before, ...withoutFailsafe } = applied;
  const failsafe = failsafeAfter(state, applied, recorded);
  const next = failsafe === undefined ? withoutFailsafe : { ...withoutFailsafe, failsafe };
  const soFarMs = 'phasesMs' in state.operation ? state.operation.phasesMs : {};
  const lastOutage = outageAfter(state.lastOutage ?? null, soFarMs, recorded);
  const flapWindow = flapWindowAfter(state.flapWindow ?? null, state.lastOutage ?? null, recorded);
  return {
    ...next,
    ...(lastOutage === null ? {} : { lastOutage }),
    ...(flapWindow === (state.flapWindow ?? null) ? {} : { flapWindow }),
  };
}

function apply(
  state: ClusterState,
  event: Exclude<ClusterEvent, { type: 'ClusterCreated' }>,
  recorded: RecordedEvent,
): ClusterState {
  const { at } = recorded;
  if (isRebuildEvent(event)) {
    return { ...state, rebuilds: evolveRebuilds(state.rebuilds ?? {}, event, recorded) };
  }
  if (isRestartEvent(event)) {
    return { ...state, restart: evolveRestart(state.restart ?? null, event) };
  }
  if (isReplicationEvent(event)) return evolveReplication(state, event);
  if (isRemoteEvent(event)) return evolveRemote(state, event, at);
  if (isFastForwardEvent(event)) return broughtForward(state, event, at);
  switch (event.type) {
    case 'InstanceJoined':
      return joined(state, event);
    case 'InstanceRemoved': {
      const { [event.instance]: _gone, ...members } = state.members;
      return withMaintenance({ ...state, members }, event.instance, false);
    }
    case 'MaintenanceChanged':
      return withMaintenance(state, event.instance, event.on);
    case 'ConfigurationChanged':
      return configured(state, event, recorded);
    case 'BootstrapStarted': {
      const { initialiser } = event;
      return { ...state, operation: { kind: 'bootstrap', initialiser, startedAt: at } };
    }
    case 'BootstrapAbandoned':
      return bootstrapAbandoned(state);
    case 'ClusterInitialised':
      return { ...state, systemIdentifier: event.systemIdentifier, operation: { kind: 'none' } };
    case 'LeaseGranted':
      return granted(state, event, recorded);
    case 'LeaseReleased':
      return ended(state, 'Released', event, recorded);
    case 'LeaseExpired':
      return ended(state, 'Expired', null, recorded);
    case 'LeaseFenced':
      return ended(state, 'Fenced', null, recorded);
    case 'SyncSettingOrdered':
    case 'SyncSettingConfirmed':
    case 'SyncSetCommitted':
      return state.sync === undefined ? state : { ...state, sync: evolveSync(state.sync, event) };
    case 'Promoted':
      return promoted(state, event);
    case 'PrimaryResumed':
      return { ...state, lease: servingLease(state.lease) };
    case 'PrimaryMeasured':
      return { ...state, primaryServer: event.server };
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
    case 'ActionRefused':
      return { ...state, lastRefusal: { action: event.action, refusals: event.refusals, at } };
    case 'DivergedWalKept':
      return withKeptWal(state, event);
    case 'BrakeUsed':
    case 'StandbysFollowed':
    case 'FailoverAcknowledged':
    case 'ClockJumped':
    case 'FailsafeMembersConfirmed':
      return state;
    case 'ClusterPaused':
      return paused(state, event);
    case 'ClusterResumed':
      return resumed(state, event);
    default:
      return unreachable(event);
  }
}

function withKeptWal(state: ClusterState, event: Recorded<'DivergedWalKept'>): ClusterState {
  const { instance, wal } = event;
  return { ...state, divergedWal: { ...state.divergedWal, [instance]: wal.keptAt } };
}

function broughtForward(
  state: ClusterState,
  event: FastForwardEvent,
  at: ClusterState['lastEventAt'],
): ClusterState {
  return { ...state, operation: evolveFastForward(state.operation, event, at, dividedAs) };
}

function joined(state: ClusterState, event: Recorded<'InstanceJoined'>): ClusterState {
  const { instance: name, type: _type, ...facts } = event;
  return { ...state, members: { ...state.members, [name]: { name, ...facts } } };
}

function withMaintenance(state: ClusterState, instance: InstanceName, on: boolean): ClusterState {
  const { maintenance = [], ...rest } = state;
  const others = maintenance.filter((name) => name !== instance);
  const now = on ? [...others, instance] : others;
  return now.length === 0 ? rest : { ...rest, maintenance: now };
}

/** The first change also keeps what stood before it: number 1 can be gone back to. */
function configured(
  state: ClusterState,
  { revision, configuration, comment, backup }: Recorded<'ConfigurationChanged'>,
  { at, cause }: RecordedEvent,
): ClusterState {
  const created = { revision: 1, at: epochMs(0), by: 'cluster create', comment: null };
  const { rebuild: _rebuild, archive: _archive, ...first } = configurationOf(state);
  const before = state.revisions ?? [{ ...created, configuration: withoutEmptyAccess(first) }];
  const next = { revision, at, by: cause.by, comment, configuration };
  const revisions = [...before, next].slice(-REVISIONS_KEPT);
  const changed = { ...withConfiguration(state, configuration), revisions };
  return backup === undefined ? changed : withBackup(changed, backup);
}

/** A revision that does not name them had what stood until now: nothing else changes them. */
function withBackup(state: ClusterState, backup: BackupPolicies): ClusterState {
  const until = backupPoliciesOf(state.postgres);
  const revisions = (state.revisions ?? []).map((one, place, all) => {
    const policies = place === all.length - 1 ? backup : until;
    return { ...one, configuration: { ...policies, ...one.configuration } };
  });
  return { ...withBackupPolicies(state, backup), revisions };
}

/** A saga of an older life of the controllers is not gone on with: it begins again once confirmed. */
function paused(state: ClusterState, { restoration }: Recorded<'ClusterPaused'>): ClusterState {
  if (restoration === undefined) return { ...state, paused: true };
  const { incarnation, floor } = restoration;
  const epochFloor = Math.floor(floor / 1_000);
  const { kind } = state.operation;
  const operation: Operation =
    kind === 'failover' || kind === 'switchover' ? { kind: 'none' } : state.operation;
  return {
    ...state,
    paused: true,
    operation,
    restored: { incarnation, epochFloor, confirmed: false },
  };
}

function resumed(state: ClusterState, { adopted }: Recorded<'ClusterResumed'>): ClusterState {
  const { restored, history, highestTimeline, lease } = state;
  const confirmed = restored === undefined ? {} : { restored: { ...restored, confirmed: true } };
  return {
    ...state,
    ...confirmed,
    lease: restored?.confirmed === false ? withEpochAbove(lease, restored.epochFloor) : lease,
    paused: false,
    history: [...history, ...(adopted?.timelines ?? [])],
    highestTimeline: Math.max(highestTimeline, adopted?.highestTimeline ?? 0),
  };
}

function withEpochAbove(lease: Lease, floor: number): Lease {
  if (lease.kind === 'NeverGranted') return lease;
  return { ...lease, epoch: epoch(Math.max(lease.epoch, floor)) };
}

function granted(
  state: ClusterState,
  event: Recorded<'LeaseGranted'>,
  { at }: RecordedEvent,
): ClusterState {
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
  const followed = granted.findIndex((id) => id === position?.timeline) + 1;
  const own = lease.holder === holder ? granted.length : followed;
  const unrecorded = granted
    .slice(0, own)
    .filter((id) => !history.some(({ timeline }) => timeline === id));
  return unrecorded.length === 0 ? {} : { unrecorded };
}

function withGrant(
  operation: Operation,
  event: Recorded<'LeaseGranted'>,
  at: ClusterState['lastEventAt'],
): Operation {
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

function dividedAs(stepMs: number, { detachMs, chooseMs }: Timing) {
  const decide = Math.max(0, stepMs - detachMs - chooseMs);
  return { decide, detach: detachMs, choose: chooseMs };
}

/** The lease ends; a saga that waited for it goes on. */
function ended(
  state: ClusterState,
  kind: 'Released' | 'Expired' | 'Fenced',
  release: Recorded<'LeaseReleased'> | null,
  { at }: RecordedEvent,
): ClusterState {
  if (state.lease.kind === 'NeverGranted') return state;
  const released = release?.reason ?? null;
  const lease: Lease = { ...state.lease, kind, serving: false, released, changedAt: at };
  return { ...state, lease, operation: withEnd(state.operation, release?.position ?? null, at) };
}

function withEnd(
  operation: Operation,
  position: Recorded<'LeaseReleased'>['position'],
  at: ClusterState['lastEventAt'],
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

function bootstrapAbandoned(state: ClusterState): ClusterState {
  const bootstrapFailures = (state.bootstrapFailures ?? 0) + 1;
  return { ...state, operation: { kind: 'none' }, bootstrapFailures };
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

function failoverStarted(
  state: ClusterState,
  event: Recorded<'FailoverStarted'>,
  { at, version }: RecordedEvent,
): ClusterState {
  const { epoch, primary, trigger, lastKnown, candidate, acceptLoss, excluded } = event;
  // Data fencing begins while the lease is held; else its holder is asked to give it back first.
  const step =
    state.lease.kind === 'Held' && !byDataFencing(state, event) ? 'yielding' : 'detaching';
  const phasesMs = { detect: event.detectMs };
  const common = { epoch, primary, trigger, lastKnown, candidate, acceptLoss, excluded };
  return {
    ...state,
    operation: {
      kind: 'failover',
      step,
      ...common,
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
