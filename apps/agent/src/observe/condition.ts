import { type Lsn, maxLsn } from '#libs/kernel';
import type { InstanceObservation, ReachableInstance } from '#libs/postgres-run';
import type { ObservedCondition, Surroundings } from '#libs/reconcile';
import type { GuardState } from '../guard-client/guard-connection.ts';
import type { Snapshot } from './snapshot.ts';

/** What the agent itself knows beside what it sees. */
export type OwnKnowledge = Omit<Surroundings, 'guard' | 'synchronous' | 'clientsKeptOut'> & {
  /** The epoch in which everything that a new primary needs was done. */
  readonly settledEpoch: number | null;
  readonly synchronous: NonNullable<Surroundings['synchronous']> | null;
  readonly clientsKeptOut: boolean;
};

/** The condition that the next step depends on; null while too little was seen. */
export function conditionOf(snapshot: Snapshot, own: OwnKnowledge): ObservedCondition | null {
  const { guard, directory } = snapshot;
  if (guard === null || directory === null) return null;
  const around: Surroundings = {
    guard: { incarnation: guard.incarnation, epoch: guard.epoch },
    detached: own.detached,
    abandonedHandOver: own.abandonedHandOver,
    rebuiltOrder: own.rebuiltOrder ?? null,
    rewindFailed: own.rewindFailed ?? null,
    promised: own.promised ?? null,
    remoteLine: own.remoteLine ?? null,
    ...(own.copyAside === true ? { copyAside: true } : {}),
    ...(own.synchronous === null ? {} : { synchronous: own.synchronous }),
    clientsKeptOut: own.clientsKeptOut,
    ...(snapshot.sql?.kind === 'reachable'
      ? { postmasterStartedAt: snapshot.sql.postmasterStartedAt }
      : {}),
  };
  if (snapshot.foreignPid !== null) {
    return { ...around, kind: 'foreign', pid: snapshot.foreignPid };
  }
  if (guard.postmaster === 'stopping') return { ...around, kind: 'stopping' };
  if (guard.postmaster === 'down') {
    if (directory.kind !== 'initialised') return { ...around, ...directory };
    const { systemIdentifier, cleanShutdown, unstartable } = directory;
    const lost = unstartable === undefined ? {} : { unstartable };
    const walEnd = directory.walEnd?.lsn ?? null;
    const { downForMs } = snapshot;
    // 0: it was never seen to serve, and may have been down for long.
    const down = { walEnd, cleanShutdown, ...(downForMs > 0 ? { downForMs } : {}) };
    return { ...around, kind: 'stopped', systemIdentifier, own: directory, ...down, ...lost };
  }
  return running(snapshot, around, own);
}

/**
 * The guard tells at once which epoch it renews; a look at PostgreSQL takes longer and says nothing of
 * it. Only of the same guard in the same state: what else may have changed is for the next look.
 */
export function withPresentLease(snapshot: Snapshot, now: GuardState | null): Snapshot {
  const { guard } = snapshot;
  if (guard === null || now === null || guard.incarnation !== now.incarnation) return snapshot;
  if (guard.postmaster !== now.postmaster || guard.postmasterPid !== now.postmasterPid) {
    return snapshot;
  }
  return { ...snapshot, guard: { ...guard, epoch: now.epoch } };
}

function running(
  snapshot: Snapshot,
  around: Surroundings,
  own: OwnKnowledge,
): ObservedCondition | null {
  const { sql, directory, upstream, restores, standbySignal, walGone } = snapshot;
  const starting: ObservedCondition = {
    ...around,
    kind: 'starting',
    as: standbySignal ? 'standby' : 'primary',
    upstream,
    restores,
  };
  if (sql === null) return starting;
  if (sql.kind === 'unreachable') return unreachableCondition(sql, snapshot, around, starting);
  if (sql.role.kind === 'primary') {
    const { timeline } = sql.role;
    const readOnly = isReadOnly(sql);
    const settled = standbySignal && own.settledEpoch === around.guard.epoch;
    return { ...around, kind: 'primary', timeline, readOnly, settled };
  }
  if (directory?.kind !== 'initialised') return null;
  return {
    ...around,
    kind: 'standby',
    systemIdentifier: sql.systemIdentifier,
    own: { timeline: sql.role.timeline, ancestors: directory.ancestors },
    walEnd: standbyWalEnd(sql, snapshot.standbyWalEnd),
    receiving: sql.role.receiver !== undefined,
    ...(snapshot.timelineIsSure ? {} : { timelineAtLeast: true }),
    upstream,
    restores,
    walGone,
  };
}

function unreachableCondition(
  sql: Extract<InstanceObservation, { kind: 'unreachable' }>,
  { answeredBefore, movedTo }: Snapshot,
  around: Surroundings,
  starting: ObservedCondition,
): ObservedCondition {
  const notYet = sql.reason === 'starting-up' || sql.reason === 'not-accepting';
  if (notYet || !(answeredBefore || keepsOut(sql))) return starting;
  if (sql.reason === 'shutting-down') return { ...around, kind: 'stopping' };
  const moved =
    `its data directory was moved to ${movedTo} while it runs: move it back; ` +
    'once it ends the data is built anew where it was';
  const why = movedTo === null ? `${sql.reason}: ${sql.detail}` : moved;
  return { ...around, kind: 'unresponsive', why };
}

/** It runs, and lets others in perhaps, but not its agent: no start would ever be seen to end. */
export function keepsOut(sql: Extract<InstanceObservation, { kind: 'unreachable' }>): boolean {
  return sql.reason === 'auth-failed';
}

export function isReadOnly(sql: ReachableInstance): boolean {
  return sql.settings['default_transaction_read_only']?.value === 'on';
}

/** Received (the start of a segment for a receiver that just began), replayed, or read from disk. */
function standbyWalEnd(sql: ReachableInstance, fromDisk: Lsn | null): Lsn | null {
  if (sql.role.kind !== 'standby') return null;
  const { receivedLsn, replayedLsn } = sql.role;
  const known = receivedLsn === undefined ? replayedLsn : maxLsn(receivedLsn, replayedLsn);
  return fromDisk === null ? known : maxLsn(known, fromDisk);
}
