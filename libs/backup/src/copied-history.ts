import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, type TimelineId, timelineId } from '#libs/kernel';
import { timelineHistoryFileName } from '#libs/postgres-model';
import { type Installation, readControlData, readHistoryText } from '#libs/postgres-run';
import { writeFileDurably } from '#libs/process';
import { CopyRefusedError } from './finish-copy.ts';
import type { RebuildTool, ServerAccess } from './rebuild-tool.ts';
import { fetchWal } from './wal-transfer.ts';

/** An archive that does not answer has had its chance with the copy itself. */
const FETCH_LIMIT_MS = 60_000;

/** Who may have the file, in the order of asking; each says false when it has none. */
export type HistorySource = (timeline: TimelineId, path: string) => Promise<boolean>;

/**
 * A backup made without WAL has no history of its timeline either (PostgreSQL takes it out of the archive when recovery
 * begins): until it is there nobody can tell on which line of the cluster the copy lies, so it would not be started.
 *
 * @throws CopyRefusedError when nobody has it
 */
export async function bringHistory(
  dataDirectory: string,
  timeline: TimelineId,
  sources: readonly HistorySource[],
): Promise<void> {
  const path = join(dataDirectory, 'pg_wal', timelineHistoryFileName(timeline));
  if (timeline === 1 || existsSync(path)) return;
  const reasons: string[] = [];
  for (const source of sources) {
    try {
      if (await source(timeline, path)) return;
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  const why = reasons.length === 0 ? 'the archive has none' : reasons.join('; ');
  throw new CopyRefusedError(
    `the copy is on timeline ${timeline}, and its history is nowhere: ${why}`,
  );
}

/** Of what a tool has copied, from the server that is copied from, else out of the tool's archive. */
export async function completeHistory(
  installation: Installation,
  dataDirectory: string,
  tool: RebuildTool,
  server: Pick<ServerAccess, 'walsender'> | null,
): Promise<void> {
  const { checkpointTimeline, minRecoveryTimeline } = await readControlData(
    installation,
    dataDirectory,
  );
  const sources: HistorySource[] = [];
  if (server !== null) {
    sources.push(async (timeline, path) => {
      writeFileDurably(path, await readHistoryText(server.walsender, timeline));
      return true;
    });
  }
  const program = tool.walFetch(dataDirectory);
  if (program !== null) {
    sources.push((timeline, path) => {
      const file = timelineHistoryFileName(timeline);
      return fetchWal(installation, program, { file, path, timeoutMs: FETCH_LIMIT_MS });
    });
  }
  const timeline = timelineId(Math.max(checkpointTimeline, minRecoveryTimeline));
  await bringHistory(dataDirectory, timeline, sources);
}
