import { epoch as asEpoch, type EpochMs, type InstanceName } from '#libs/kernel';
import { adopts } from './adoption.ts';
import type { Goal } from './goal.ts';
import { rebuildOrderOf, rebuildPolicyOf } from './rebuild/order-of.ts';
import { methodsFor } from './remote/copying-methods.ts';
import { REMOTE_NAME, remoteMember } from './remote/following.ts';
import { type Following, isArchive } from './remote/remote.ts';
import { upstreamOf } from './replication/upstream.ts';
import { type ClusterState, inMaintenance, type Lease, type Operation } from './state.ts';
import type { SyncSetting } from './sync-set/quorum.ts';
import { isSynchronous, standingSetting } from './sync-set/standing-setting.ts';

/** The last WAL has to reach another site; nobody there serves before it has. */
const DEMOTION_STOP_MS = 10_000;

type GrantedLease = Exclude<Lease, { kind: 'NeverGranted' }>;

/** The goal of one instance. Pure: controllers and agents derive the same one from the same state. */
export function goalOf(state: ClusterState, instance: InstanceName): Goal {
  if (state.members[instance] === undefined) {
    return waitFor(state, `${instance} is not a member of ${state.name}`);
  }
  const { lease, systemIdentifier, following } = state;
  if (following !== undefined && systemIdentifier !== null) {
    return goalInFollowing(state, following, systemIdentifier, instance);
  }
  if (lease.kind === 'NeverGranted' || systemIdentifier === null) {
    return beforeTheFirstGrant(state, instance);
  }
  if (lease.kind === 'Held' && lease.holder === instance) {
    return goalOfHolder(state, lease, systemIdentifier);
  }
  const { operation } = state;
  if (operation.kind === 'failover' && operation.step !== 'yielding') {
    if (followsCandidate(state, operation, instance)) {
      return followOrWait(state, lease, systemIdentifier, instance);
    }
    const granted = lease.kind === 'Held' && operation.step === 'promoting';
    const throughEpoch = granted ? asEpoch(lease.epoch - 1) : lease.epoch;
    const fetch = fetchOf(state, operation, instance);
    const last = operation.excluded.includes(instance) ? { passedOver: true as const } : {};
    const back = takesCopyAside(state, instance) ? { copyAside: true as const } : {};
    const wanted = { throughEpoch, systemIdentifier, ...fetch, ...standing(state, instance) };
    return { kind: 'detached', ...wanted, ...back, ...last, ...stillIn(state, instance) };
  }
  return followOrWait(state, lease, systemIdentifier, instance);
}

/**
 * Whoever had no part in the loss streams from the candidate while that is still a standby: they go on
 * with it into its timeline, and its first commits find whom they wait for. The lost primary, and whoever
 * failed before, may have written what the candidate lacks: they wait until it is known where it forked.
 */
function followsCandidate(
  { lease, history }: ClusterState,
  { step, primary, excluded }: Extract<Operation, { kind: 'failover' }>,
  instance: InstanceName,
): boolean {
  if (step !== 'promoting' || instance === primary || excluded.includes(instance)) return false;
  return isBeingPromoted(lease, history);
}

/** Until somebody is granted the next epoch: later the copy may be the older one. */
export function takesCopyAside({ operation }: ClusterState, instance: InstanceName): boolean {
  if (operation.kind !== 'failover' || operation.step !== 'detaching') return false;
  return operation.copyAside === true && operation.candidate === instance;
}

/** A preferred candidate gets what it lacks before anybody is chosen. */
function fetchOf(
  { members }: ClusterState,
  { step, fastForward }: Extract<Operation, { kind: 'failover' }>,
  instance: InstanceName,
) {
  if (step !== 'detaching' || fastForward?.instance !== instance || fastForward.givenUp) return {};
  const from = members[fastForward.from];
  return from === undefined ? {} : { fetch: { from, upTo: fastForward.upTo } };
}

/** Granted a timeline that nobody was heard to write yet. */
function isBeingPromoted(lease: Lease, history: ClusterState['history']): boolean {
  if (lease.kind !== 'Held' || lease.serving || history.length === 0) return false;
  return history.every(({ timeline }) => timeline !== lease.timeline);
}

function waitFor({ lease }: ClusterState, why: string): Goal {
  return { kind: 'wait', why, throughEpoch: lease.kind === 'NeverGranted' ? 0 : lease.epoch };
}

function beforeTheFirstGrant(state: ClusterState, instance: InstanceName): Goal {
  const { operation } = state;
  if (operation.kind !== 'bootstrap') return waitFor(state, 'the cluster has no primary yet');
  // Nothing is ever made where data is taken over, were it gone by now.
  if (adopts(state)) return waitFor(state, `PostgreSQL of ${operation.initialiser} is taken over`);
  if (operation.initialiser === instance) return { kind: 'initialise' };
  return waitFor(state, `${operation.initialiser} initialises the cluster`);
}

function goalOfHolder(state: ClusterState, lease: GrantedLease, systemIdentifier: string): Goal {
  const { operation, settings } = state;
  if (operation.kind === 'switchover' && operation.step === 'stopping') {
    const { epoch, to, startedAt } = operation;
    const stopBudgetMs = settings.switchoverStopMs;
    return { kind: 'handOver', epoch, to, stopBudgetMs, systemIdentifier, startedAt };
  }
  if (operation.kind === 'demotion') {
    const { epoch, startedAt } = operation;
    const place = { to: REMOTE_NAME, stopBudgetMs: DEMOTION_STOP_MS, startedAt };
    return { kind: 'handOver', epoch, ...place, systemIdentifier };
  }
  // With data fencing the standbys are detached meanwhile, not only once the lease was given back.
  const givesUp =
    operation.kind === 'failover' &&
    (operation.step === 'yielding' ||
      (operation.step === 'detaching' &&
        (operation.trigger === 'postgres-down' || operation.trigger === 'primary-hung')));
  if (givesUp) return { kind: 'yield', epoch: lease.epoch };
  const { epoch, guard, timeline } = lease;
  const { sync } = state;
  const restart = restartOf(state, lease.holder, true);
  const still = isLeftDown(state, lease) ? { still: 'the cluster is paused' } : {};
  const served = lease.serving ? { served: true as const } : {};
  const place = { epoch, guard, timeline, systemIdentifier, ...served, ...restart, ...still };
  if (sync === undefined) {
    return { kind: 'primary', ...place, ...(isSynchronous(state) ? {} : WAITS_FOR_NOBODY) };
  }
  const { order, ordered: setting, committed } = sync;
  const synchronous = { order, setting, committed };
  return { kind: 'primary', ...place, synchronous };
}

/** In pause a primary that somebody stopped, or that crashed, stays down; what an operator ordered goes on. */
function isLeftDown(state: ClusterState, { serving, holder }: GrantedLease): boolean {
  const { paused, operation, restart } = state;
  if (restart?.current?.instance === holder) return false;
  return paused && serving && operation.kind === 'none';
}

function stillIn(state: ClusterState, instance: InstanceName): { readonly still?: string } {
  if (state.restart?.current?.instance === instance) return {};
  return inMaintenance(state, instance) ? { still: `${instance} is in maintenance` } : {};
}

function restartOf(
  { restart, operation }: ClusterState,
  instance: InstanceName,
  asPrimary: boolean,
): { readonly restart?: { readonly startedAt: EpochMs } } {
  const current = restart?.current;
  if (operation.kind !== 'none' || current?.instance !== instance) return {};
  return current.asPrimary === asPrimary ? { restart: { startedAt: current.startedAt } } : {};
}

const WAITS_FOR_NOBODY = { waitsForNobody: true } as const;

function standing(
  state: ClusterState,
  instance: InstanceName,
): { readonly synchronous?: SyncSetting; readonly waitsForNobody?: true } {
  return isSynchronous(state)
    ? { synchronous: standingSetting(state, instance) }
    : WAITS_FOR_NOBODY;
}

/**
 * Outside a failover a standby stays with the last primary, even while that one is down: a restart in
 * place or a switchover keeps it attached. Once a switchover's target was granted the next epoch there
 * is no way back, and it has every byte: the others stream from it while it is still a standby, so that
 * they go on with it into its timeline, before the event that tells of it, and its first commits find
 * whoever they wait for. The old primary waits until somebody serves.
 */
function followOrWait(
  state: ClusterState,
  lease: GrantedLease,
  systemIdentifier: string,
  instance: InstanceName,
): Goal {
  const { operation, history } = state;
  const switching = operation.kind === 'switchover' && operation.step === 'promoting';
  const waits = switching && operation.from === instance;
  const upstreamName = waits ? instance : lease.holder;
  if (upstreamName === instance) {
    return waitFor(state, `epoch ${lease.epoch} has ended and no other was granted yet`);
  }
  const primary = state.members[upstreamName];
  const upstream = state.members[upstreamOf(state, instance, upstreamName).name] ?? primary;
  const current = history.at(-1);
  if (upstream === undefined || primary === undefined || current === undefined) {
    return waitFor(state, `${upstreamName} does not serve yet`);
  }
  const hurry = operation.kind === 'switchover' && operation.to === instance;
  const { epoch } = lease;
  const { timeline } = current;
  const { methods } = rebuildPolicyOf(state.postgres);
  const rebuild = rebuildOrderOf(state, instance);
  const cascade = upstream === primary ? {} : { source: primary };
  const archiveOnly = state.members[instance]?.tags.noStream === true;
  const kind = {
    ...cascade,
    ...(archiveOnly ? { archiveOnly: true as const } : {}),
    ...(isBeingPromoted(lease, history) ? { mayBeAhead: true as const } : {}),
  };
  const place = { upstream, ...kind, epoch, timeline, history, systemIdentifier, hurry };
  const promiseReleased = state.detachReleased === epoch;
  const restart = restartOf(state, instance, false);
  const rights = { ...restart, rebuild, methods, promiseReleased, ...standing(state, instance) };
  return { kind: 'standby', ...place, ...rights, ...stillIn(state, instance) };
}

/**
 * The standby leader streams from the remote, or replays its archive; the others stream from it. No promise
 * of an own failover holds any more: nobody of this cluster serves that it was made against.
 */
function goalInFollowing(
  state: ClusterState,
  { remote, leader }: Following,
  systemIdentifier: string,
  instance: InstanceName,
): Goal {
  const { history, lease } = state;
  const root = leader === null ? undefined : state.members[leader];
  const current = history.at(-1);
  if (root === undefined || current === undefined) {
    return waitFor(state, 'no standby leader is chosen yet');
  }
  const leads = root.name === instance;
  const server = isArchive(remote) ? null : remoteMember(remote);
  const upstream = leads
    ? server
    : (state.members[upstreamOf(state, instance, root.name).name] ?? root);
  const archiveOnly = leads ? server === null : state.members[instance]?.tags.noStream === true;
  return {
    kind: 'standby',
    upstream,
    ...(leads ? { remote } : upstream === root ? {} : { source: root }),
    ...(server === null ? {} : { rewindFrom: server }),
    mayBeAhead: true,
    ...(archiveOnly ? { archiveOnly: true as const } : {}),
    epoch: lease.kind === 'NeverGranted' ? asEpoch(0) : lease.epoch,
    timeline: current.timeline,
    history,
    systemIdentifier,
    hurry: false,
    rebuild: rebuildOrderOf(state, instance),
    methods: methodsFor(state, instance),
    promiseReleased: true,
    ...restartOf(state, instance, false),
    ...standing(state, instance),
    ...stillIn(state, instance),
  };
}
