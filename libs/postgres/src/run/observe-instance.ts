import { codeOf, messageOf } from '#libs/kernel';
import { type Conninfo, parseConninfo, serverVersionFromNum } from '#libs/postgres-model';
import { readPostmasterPid } from '#libs/process';
import {
  type InstanceObservation,
  OBSERVED_SETTINGS,
  type PrimaryPosition,
  type ReplicaConnection,
  type ReplicationSlot,
  type StandbyPosition,
  type WalReceiver,
} from './observation.ts';
import { OBSERVATION_SQL } from './observation-query.ts';
import { optional, RowReader } from './observation-row.ts';
import { type KnownSettings, SettingsMemory } from './settings-memory.ts';
import { SqlTimeoutError } from './sql-connection.ts';
import type { SqlSession } from './sql-session.ts';
import { classifyUnreachable } from './unreachable.ts';

export type ObserveOptions = {
  /** The whole look, connecting included; it never takes longer. */
  readonly deadlineMs: number;
  /** What was read before; kept by whoever looks again and again. */
  readonly settings?: SettingsMemory;
  /** Lets a refusal be classified whatever language the server speaks. */
  readonly dataDirectory?: string;
};

/**
 * One typed look at the instance; never throws for what PostgreSQL does. The session should be used for
 * observing only: at the deadline it is closed, with whatever else waits in it.
 */
export async function observeInstance(
  session: SqlSession,
  options: ObserveOptions,
): Promise<InstanceObservation> {
  const startedMs = performance.now();
  const tookMs = (): number => performance.now() - startedMs;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new SqlTimeoutError('the observation', options.deadlineMs));
      // What waits in the session must not pile up behind a server that hangs.
      session.close();
    }, options.deadlineMs);
  });
  try {
    const memory = options.settings ?? new SettingsMemory();
    const values = [[...OBSERVED_SETTINGS], memory.of];
    const look = session.query(OBSERVATION_SQL, values, options.deadlineMs, 'observation');
    const [row] = await Promise.race([look, deadline]);
    const reader = new RowReader(row ?? {});
    return observationOf(reader, memory.learn(reader), tookMs());
  } catch (error) {
    const status = pidFileStatus(options.dataDirectory);
    return {
      kind: 'unreachable',
      reason: classifyUnreachable(error, status),
      detail: messageOf(error),
      tookMs: tookMs(),
    };
  } finally {
    clearTimeout(timer);
  }
}

/** The row of `OBSERVATION_SQL` as an observation. */
export function observationOf(
  row: RowReader,
  { settings, pendingRestart }: KnownSettings,
  tookMs: number,
): InstanceObservation {
  return {
    kind: 'reachable',
    systemIdentifier: row.text('system_identifier'),
    version: serverVersionFromNum(row.number('version_num')),
    postmasterStartedAt: row.time('postmaster_started_at'),
    observedAt: row.time('observed_at'),
    role: row.flag('in_recovery') ? standbyOf(row) : primaryOf(row),
    replicas: row.rows('replicas').map(replicaOf),
    slots: row.rows('slots').map(slotOf),
    settings,
    pendingRestart,
    tookMs,
  };
}

function primaryOf(row: RowReader): PrimaryPosition {
  return {
    kind: 'primary',
    timeline: row.timeline('timeline'),
    writeLsn: row.lsn('write_lsn'),
    flushLsn: row.lsn('flush_lsn'),
  };
}

function standbyOf(row: RowReader): StandbyPosition {
  const receiver = row.optionalRow('receiver');
  return {
    kind: 'standby',
    timeline: row.timeline('timeline'),
    ...optional('receivedLsn', row.optionalLsn('received_lsn')),
    replayedLsn: row.lsn('replayed_lsn'),
    ...optional('lastReplayedCommitAt', row.optionalTime('last_replayed_commit_at')),
    replayPaused: row.flag('replay_paused'),
    ...optional('receiver', receiver === undefined ? undefined : receiverOf(receiver)),
  };
}

function receiverOf(row: RowReader): WalReceiver {
  // 12 has one position, received and flushed; 13 and later tell written and flushed apart.
  const flushedLsn = row.optionalLsn('flushed_lsn') ?? row.optionalLsn('received_lsn');
  return {
    pid: row.number('pid'),
    status: row.text('status'),
    receivedTimeline: row.timeline('received_tli'),
    ...optional('flushedLsn', flushedLsn),
    ...optional('latestEndLsn', row.optionalLsn('latest_end_lsn')),
    ...optional('latestEndAt', row.optionalTime('latest_end_time')),
    ...optional('lastMessageReceivedAt', row.optionalTime('last_msg_receipt_time')),
    ...optional('slotName', row.optionalText('slot_name')),
    ...optional('senderHost', row.optionalText('sender_host')),
    ...optional('senderPort', row.optionalNumber('sender_port')),
    conninfo: shownConninfo(row.optionalText('conninfo')),
  };
}

function shownConninfo(text: string | undefined): Conninfo {
  return text === undefined ? {} : parseConninfo(text);
}

function replicaOf(row: RowReader): ReplicaConnection {
  return {
    pid: row.number('pid'),
    applicationName: row.optionalText('application_name') ?? '',
    user: row.optionalText('usename') ?? '',
    ...optional('clientAddress', row.optionalText('client_addr')),
    state: row.optionalText('state') ?? '',
    syncState: row.optionalText('sync_state') ?? '',
    ...optional('sentLsn', row.optionalLsn('sent_lsn')),
    ...optional('writeLsn', row.optionalLsn('write_lsn')),
    ...optional('flushLsn', row.optionalLsn('flush_lsn')),
    ...optional('replayLsn', row.optionalLsn('replay_lsn')),
    connectedAt: row.time('backend_start'),
  };
}

/** A row of `pg_replication_slots`, as JSON. */
export function slotOf(row: RowReader): ReplicationSlot {
  const safeBytes = row.optionalText('safe_wal_size');
  return {
    name: row.text('slot_name'),
    kind: row.text('slot_type') === 'logical' ? 'logical' : 'physical',
    active: row.flag('active'),
    ...optional('activePid', row.optionalNumber('active_pid')),
    ...optional('restartLsn', row.optionalLsn('restart_lsn')),
    ...optional('confirmedFlushLsn', row.optionalLsn('confirmed_flush_lsn')),
    ...optional('database', row.optionalText('database')),
    ...optional('plugin', row.optionalText('plugin')),
    ...optional('xmin', row.optionalNumber('xmin')),
    ...optional('catalogXmin', row.optionalNumber('catalog_xmin')),
    ...optional('walStatus', row.optionalText('wal_status')),
    ...optional('safeWalBytes', safeBytes === undefined ? undefined : BigInt(safeBytes)),
    ...optional('failover', row.optionalFlag('failover')),
    ...optional('synced', row.optionalFlag('synced')),
    temporary: row.flag('temporary'),
  };
}

function pidFileStatus(dataDirectory: string | undefined): string | undefined {
  if (dataDirectory === undefined) return undefined;
  try {
    return readPostmasterPid(dataDirectory)?.status;
  } catch (error) {
    // Of another user by now, say: what was thrown first tells enough.
    if (codeOf(error) === 'EACCES' || codeOf(error) === 'EIO') return undefined;
    throw error;
  }
}
