import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecoveryTarget } from '#libs/cluster';
import { DomainError, formatLsn, type Lsn } from '#libs/kernel';
import type { Settings } from '#libs/postgres-model';
import {
  type Installation,
  readControlData,
  readTimelineHistories,
  type SqlSession,
  withPrivateServer,
} from '#libs/postgres-run';
import { removeStandbySignal } from '#libs/process';
import { COPY_LIMIT_MS } from './limits.ts';
import type { SourceFacts } from './rebuild-tool.ts';
import { WAL_SEGMENT_BYTES } from './wal-segment.ts';

export type RecoveryRequest = {
  readonly dataDirectory: string;
  readonly superuser: string;
  /** The value of `restore_command`; null: all WAL that is needed lies in `pg_wal`. */
  readonly restoreCommand: string | null;
  readonly target: RecoveryTarget | null;
  /** What the archive was said to hold before. */
  readonly archive: SourceFacts['wal'];
  /** The new timeline's files are left for the archiver of the cluster. */
  readonly archives: boolean;
  readonly signal: AbortSignal;
};

/** A restored backup could not be brought to its target. */
export class RecoveryError extends DomainError {
  readonly code = 'RECOVERY_FAILED';
}

const POLL_MS = 200;

/**
 * Brings a restored backup to its target and onto a timeline of its own, lets `work` change it, and
 * leaves it cleanly shut down. `standby.signal` of the backup goes first: it would win over
 * `recovery.signal`, and the server would follow for ever (corrections 15).
 *
 * @throws RecoveryError, PrivateServerError
 */
export async function recoverCopy(
  installation: Installation,
  request: RecoveryRequest,
  work: (session: SqlSession) => Promise<void>,
): Promise<void> {
  const { dataDirectory, superuser, restoreCommand, signal } = request;
  removeStandbySignal(dataDirectory);
  if (restoreCommand !== null) writeFileSync(join(dataDirectory, 'recovery.signal'), '');
  const { standbyMinimums, walSegmentBytes } = await readControlData(installation, dataDirectory);
  const settings = settingsOf(request, standbyMinimums);
  const server = { dataDirectory, superuser, settings, timeoutMs: COPY_LIMIT_MS, signal };
  await withPrivateServer(installation, server, async (session, ended) => {
    while (await inRecovery(session)) {
      if (ended.aborted) return;
      await delay(POLL_MS);
    }
    if (walSegmentBytes === Number(WAL_SEGMENT_BYTES)) refuseEarlyEnd(request);
    await work(session);
  });
}

function settingsOf(
  { restoreCommand, target, archives }: RecoveryRequest,
  minimums: Readonly<Record<string, number>>,
): Settings {
  const least = Object.entries(minimums).map(([name, value]) => [name, String(value)] as const);
  return {
    ...Object.fromEntries(least),
    hot_standby: 'on',
    archive_mode: archives ? 'on' : 'off',
    archive_command: '',
    restore_command: restoreCommand ?? '',
    recovery_target_timeline: 'latest',
    recovery_target_action: 'promote',
    ...(target === null ? {} : { [`recovery_target_${target.kind}`]: target.value }),
  };
}

async function inRecovery(session: SqlSession): Promise<boolean> {
  const [row] = await session.query('SELECT pg_is_in_recovery() AS recovery');
  return row?.['recovery'] === true;
}

/**
 * PostgreSQL takes a segment that is missing for the end of the archive, and would begin a cluster that
 * lacks everything after it.
 */
function refuseEarlyEnd({ target, archive, dataDirectory }: RecoveryRequest): void {
  if (target !== null || archive === null) return;
  const newest = [...readTimelineHistories(dataDirectory)].sort(
    (a, b) => b.timeline - a.timeline,
  )[0];
  const fork = newest?.ancestors.at(-1);
  if (fork === undefined || fork.timeline !== archive.timeline) return;
  const lastSegment = (archive.lsn - WAL_SEGMENT_BYTES) as Lsn;
  if (fork.endLsn >= lastSegment) return;
  throw new RecoveryError(
    `recovery ended at ${formatLsn(fork.endLsn)} although the archive goes to ${formatLsn(archive.lsn)}: ` +
      'a WAL segment between is missing or damaged. To keep what comes before it, give that position as target',
  );
}
