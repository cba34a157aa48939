import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TimelineId } from '#libs/kernel';
import { parseTimelineHistory, timelineHistoryFileName } from '#libs/postgres-model';
import type { Installation } from '#libs/postgres-run';
import { INSPECT_LIMIT_MS } from '../../limits.ts';
import type { WalProgram } from '../../rebuild-tool.ts';
import { fetchWal } from '../../wal-transfer.ts';
import type { WalgBackup } from './walg.output.ts';

/**
 * How far an archive goes at least on the present timeline: its history is the first file that a new primary
 * archives, and says where it began. Null where the archive does not have it.
 *
 * @throws ProcessError when the archive does not answer
 */
export async function reachOn(
  timeline: TimelineId,
  installation: Pick<Installation, 'runAs'>,
  program: WalProgram,
): Promise<WalgBackup['wal']> {
  const directory = mkdtempSync(join(tmpdir(), 'matriarch-'));
  try {
    const { runAs } = installation;
    if (runAs !== undefined) chownSync(directory, runAs.uid, runAs.gid);
    const file = timelineHistoryFileName(timeline);
    const path = join(directory, file);
    const transfer = { file, path, timeoutMs: INSPECT_LIMIT_MS };
    if (!(await fetchWal(installation, program, transfer))) return null;
    const fork = parseTimelineHistory(timeline, readFileSync(path, 'utf8')).ancestors.at(-1);
    return fork === undefined ? null : { timeline, lsn: fork.endLsn };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
