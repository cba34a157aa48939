import { basename } from 'node:path';
import type {
  AgentReport,
  PostgresCondition,
  SlotReport,
  StandbyConnection,
  SynchronousInForce,
} from '#libs/cluster';
import { maxLsn, walLagBytes } from '#libs/kernel';
import { MANAGED_CONF, type Settings } from '#libs/postgres-model';
import type { ReachableInstance, ReplicaConnection } from '#libs/postgres-run';
import { settingOf } from '../synchronous/setting-text.ts';
import { isReadOnly, keepsOut } from './condition.ts';
import type { Snapshot } from './snapshot.ts';

/** A server with more slots than this has them by mistake; reports stay small. */
const SLOTS_REPORTED_MAX = 100;

/** PostgreSQL's condition as the leader is told it; null while too little was seen. */
export function postgresConditionOf(snapshot: Snapshot): PostgresCondition | null {
  const { guard, sql, foreignPid, answeredBefore, startingForMs } = snapshot;
  if (guard === null) return othersCondition(snapshot);
  if (foreignPid !== null) return { kind: 'foreign', pid: foreignPid };
  if (guard.postmaster === 'down') return { kind: 'stopped' };
  if (guard.postmaster === 'stopping') return { kind: 'stopping' };
  const { progress, stalledForMs } = snapshot.recovery;
  const sinceMs = startingForMs;
  const starting: PostgresCondition = { kind: 'starting', progress, sinceMs, stalledForMs };
  if (sql === null) return starting;
  if (sql.kind === 'reachable') return reachable(sql);
  if (sql.reason === 'starting-up' || sql.reason === 'not-accepting') return starting;
  if (sql.reason === 'shutting-down') return { kind: 'stopping' };
  if (!answeredBefore && !keepsOut(sql)) return starting;
  return { kind: 'unresponsive', why: `${sql.reason}: ${sql.detail}` };
}

function othersCondition({ others, standbySignal }: Snapshot): PostgresCondition | null {
  return others === null ? null : { kind: 'foreign', pid: others, standby: standbySignal };
}

function reachable(sql: ReachableInstance): PostgresCondition {
  const { role } = sql;
  if (role.kind === 'primary') {
    const { timeline, writeLsn } = role;
    const standbys = sql.replicas.map(connectionOf);
    return { kind: 'primary', timeline, writeLsn, readOnly: isReadOnly(sql), standbys };
  }
  const { timeline, receivedLsn, replayedLsn, receiver } = role;
  return {
    kind: 'standby',
    timeline,
    receivedLsn: receivedLsn === undefined ? null : maxLsn(receivedLsn, replayedLsn),
    replayedLsn,
    receiver: receiver === undefined ? null : receiverOf(sql, receiver),
  };
}

function receiverOf(
  sql: ReachableInstance,
  receiver: NonNullable<Extract<ReachableInstance['role'], { kind: 'standby' }>['receiver']>,
): NonNullable<Extract<PostgresCondition, { kind: 'standby' }>['receiver']> {
  const { senderHost: host, senderPort: port, latestEndLsn, lastMessageReceivedAt } = receiver;
  return {
    streaming: receiver.status === 'streaming',
    from: host === undefined || port === undefined ? null : { host, port },
    latestEndLsn: latestEndLsn ?? null,
    latestEndAgeMs:
      lastMessageReceivedAt === undefined
        ? null
        : Math.max(0, sql.observedAt - lastMessageReceivedAt),
  };
}

function connectionOf(replica: ReplicaConnection): StandbyConnection {
  return {
    applicationName: replica.applicationName,
    host: replica.clientAddress ?? null,
    state: replica.state,
    flushLsn: replica.flushLsn ?? null,
    replayLsn: replica.replayLsn ?? null,
    syncState: replica.syncState,
  };
}

export type ReportParts = Omit<
  AgentReport,
  | 'lookAgeMs'
  | 'guard'
  | 'dataDirectory'
  | 'postgres'
  | 'downForMs'
  | 'stall'
  | 'server'
  | 'freeBytes'
  | 'slots'
  | 'postmasterStartedAt'
  | 'pendingRestart'
> & {
  readonly synchronous: Omit<SynchronousInForce, 'setting'> | null;
  /** Why a server of another system is not taken over. */
  readonly keeps: string | null;
  /** Process ids of walsenders under a member's name that come from elsewhere. */
  readonly foreignSenders: ReadonlySet<number>;
};

/** Null until guard and data directory were seen once: a report must not guess. */
export function reportOf(
  snapshot: Snapshot,
  nowMs: number,
  guardRemainingMs: number | null,
  { synchronous, keeps, foreignSenders, ...parts }: ReportParts,
): AgentReport | null {
  const { guard, directory, downForMs, stall, server, freeBytes } = snapshot;
  const seen = postgresConditionOf(snapshot);
  const postgres = seen?.kind === 'foreign' && keeps !== null ? { ...seen, keeps } : seen;
  if (directory === null) return null;
  return {
    ...parts,
    lookAgeMs: Math.round(nowMs - snapshot.begunMs),
    guard:
      guard === null
        ? null
        : {
            incarnation: guard.incarnation,
            epoch: guard.epoch,
            remainingMs: guardRemainingMs === null ? null : Math.round(guardRemainingMs),
          },
    dataDirectory: directory,
    postgres: withForeign(
      withSynchronous(postgres, snapshot, synchronous),
      snapshot,
      foreignSenders,
    ) ?? {
      kind: 'unresponsive',
      why: 'no guard is attached',
    },
    downForMs: Math.round(downForMs),
    stall,
    server,
    freeBytes,
    ...(snapshot.sql?.kind === 'reachable' ? serverReport(snapshot.sql, snapshot.configured) : {}),
  };
}

function serverReport(
  sql: ReachableInstance,
  configured: Settings,
): Pick<AgentReport, 'slots' | 'postmasterStartedAt' | 'pendingRestart'> {
  const { postmasterStartedAt, pendingRestart } = sql;
  return {
    slots: slotReports(sql),
    postmasterStartedAt,
    pendingRestart: pendingRestart.map(({ name, value }) => ({
      name,
      running: value,
      configured: configured[name] ?? 'its default',
    })),
  };
}

/** Temporary ones go with their session and are nobody's business. */
function slotReports({ role, slots }: ReachableInstance): SlotReport[] {
  const endLsn = role.kind === 'primary' ? role.writeLsn : (role.receivedLsn ?? role.replayedLsn);
  return slots
    .filter((slot) => !slot.temporary)
    .slice(0, SLOTS_REPORTED_MAX)
    .map(({ name, kind: type, active, restartLsn, walStatus, safeWalBytes }) => ({
      ...{ name, type, active },
      retainedBytes: restartLsn === undefined ? null : walLagBytes(endLsn, restartLsn),
      walStatus: walStatus ?? null,
      safeBytes: safeWalBytes ?? null,
    }));
}

/** The value in force counts only from our own file: another one would come back at the next reload. */
function withSynchronous(
  postgres: PostgresCondition | null,
  { sql }: Snapshot,
  own: ReportParts['synchronous'],
): PostgresCondition | null {
  if (own === null || sql?.kind !== 'reachable') return postgres;
  if (postgres?.kind !== 'primary' && postgres?.kind !== 'standby') return postgres;
  const inForce = sql.settings['synchronous_standby_names'];
  const file = inForce?.sourceFile;
  const ours = inForce !== undefined && file !== undefined && basename(file) === MANAGED_CONF;
  const setting = ours ? settingOf(inForce.value) : null;
  return { ...postgres, synchronous: { ...own, setting } };
}

/** The leader knows members by their host names, and not what addresses these have. */
function withForeign(
  postgres: PostgresCondition | null,
  { sql }: Snapshot,
  foreign: ReadonlySet<number>,
): PostgresCondition | null {
  if (foreign.size === 0 || postgres?.kind !== 'primary' || sql?.kind !== 'reachable') {
    return postgres;
  }
  const standbys = sql.replicas.map((replica) =>
    foreign.has(replica.pid) ? { ...connectionOf(replica), foreign: true } : connectionOf(replica),
  );
  return { ...postgres, standbys };
}
