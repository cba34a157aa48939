import { epoch, epochMs, type InstanceName, unreachable } from '#libs/kernel';
import { withoutEmptyAccess } from './access.ts';
import { type BackupPolicies, REVISIONS_KEPT } from './configuration.ts';
import type { ClusterEvent } from './events.ts';
import { dividedAs, evolveLease } from './evolve-lease.ts';
import { evolveOutage } from './evolve-outage.ts';
import { failsafeAfter } from './failsafe/failsafe-state.ts';
import { evolveFastForward } from './fast-forward/evolve-fast-forward.ts';
import { type FastForwardEvent, isFastForwardEvent } from './fast-forward/fast-forward-events.ts';
import { flapWindowAfter } from './flap-window.ts';
import { isLeaseEvent } from './lease-events.ts';
import { outageAfter } from './outage.ts';
import { isOutageEvent } from './outage-events.ts';
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
  withBackupPolicies,
  withConfiguration,
} from './revisions.ts';
import { withDefaults } from './settings.ts';
import type { ClusterState, Lease, Operation } from './state.ts';
import { emptyState } from './state.ts';
import { evolveSync } from './sync-set/evolve-sync.ts';

type Recorded<T extends ClusterEvent['type']> = Extract<ClusterEvent, { type: T }>;

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
  const next = withFailsafe(applied, failsafeAfter(state, applied, recorded));
  const soFarMs = 'phasesMs' in state.operation ? state.operation.phasesMs : {};
  const lastOutage = outageAfter(state.lastOutage ?? null, soFarMs, recorded);
  const flapWindow = flapWindowAfter(state.flapWindow ?? null, state.lastOutage ?? null, recorded);
  const sameWindow = flapWindow === (state.flapWindow ?? null);
  if (sameWindow && lastOutage === (next.lastOutage ?? null)) return next;
  return {
    ...next,
    ...(lastOutage === null ? {} : { lastOutage }),
    ...(sameWindow ? {} : { flapWindow }),
  };
}

function withFailsafe(state: ClusterState, failsafe: ClusterState['failsafe']): ClusterState {
  if (failsafe === undefined && !('failsafe' in state)) return state;
  const { failsafe: _before, ...without } = state;
  return failsafe === undefined ? without : { ...without, failsafe };
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
  if (isLeaseEvent(event)) return evolveLease(state, event, at);
  if (isOutageEvent(event)) return evolveOutage(state, event, recorded);
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
    case 'SyncSettingOrdered':
    case 'SyncSettingConfirmed':
    case 'SyncSetCommitted':
      return state.sync === undefined ? state : { ...state, sync: evolveSync(state.sync, event) };
    case 'ActionRefused':
      return { ...state, lastRefusal: { action: event.action, refusals: event.refusals, at } };
    case 'BrakeUsed':
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

function bootstrapAbandoned(state: ClusterState): ClusterState {
  const bootstrapFailures = (state.bootstrapFailures ?? 0) + 1;
  return { ...state, operation: { kind: 'none' }, bootstrapFailures };
}
