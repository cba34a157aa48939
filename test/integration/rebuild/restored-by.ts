import { join } from 'node:path';
import {
  finishCopy,
  type RebuildTool,
  recoverCopy,
  restoreScript,
  type WalProgram,
  walSetting,
} from '#libs/backup';
import type { RecoveryTarget } from '#libs/cluster';
import { DETACHED_MARK } from '#libs/postgres-run';
import { writeFileIfChanged } from '#libs/process';
import type { BackupSource } from './backup-source.ts';

export type Restoring = {
  readonly name: string;
  readonly target: RecoveryTarget | null;
  /** Instead of the tool's own. */
  readonly fetch?: WalProgram;
};

/** What the agent of a new cluster does, without one: restored, then recovered to the target. Returns the rows. */
export async function restoredBy(
  source: BackupSource,
  tool: RebuildTool,
  { name, target, fetch }: Restoring,
): Promise<readonly string[]> {
  const { installation } = source;
  const request = await source.copyRequest(name, { target, server: null });
  await tool.copy(request);
  const nothing = { systemIdentifier: null, timeline: null };
  await finishCopy(installation, request.places, nothing);
  const script = join(source.cluster.directory, `restore-${name}`);
  const program = fetch ?? tool.walFetch(request.places.dataDirectory);
  const limits = { detachedMark: DETACHED_MARK, limitSeconds: 60, failureEndsRecovery: true };
  if (program !== null) writeFileIfChanged(script, restoreScript(program, limits), 0o755);
  const rows: string[] = [];
  await recoverCopy(
    installation,
    {
      dataDirectory: request.places.dataDirectory,
      superuser: 'postgres',
      restoreCommand: program === null ? null : walSetting(script, 'restore'),
      target,
      archive: (await tool.inspect(request)).wal,
      archives: true,
      signal: request.signal,
    },
    async (session) => {
      for (const row of await session.query('SELECT what FROM t')) rows.push(String(row['what']));
    },
  );
  return rows;
}
