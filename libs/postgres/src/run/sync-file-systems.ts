import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation } from './installation.ts';
import { runTool } from './run-tool.ts';

const SYNC_TIMEOUT_MS = 600_000;

/**
 * Brings a data directory that was just made to the disk with one call for each file system that it
 * lies on (also its WAL directory and tablespaces), as PostgreSQL 17's `--sync-method=syncfs` does: the
 * programs that make one sync a thousand files one after another.
 *
 * @throws ProcessError: nothing in the directory may be relied on
 */
export async function syncFileSystems(
  installation: Installation,
  dataDirectory: string,
): Promise<void> {
  const tablespaces = readdirSync(join(dataDirectory, 'pg_tblspc'));
  const places = [
    dataDirectory,
    join(dataDirectory, 'pg_wal', '.'),
    ...tablespaces.map((name) => join(dataDirectory, 'pg_tblspc', name, '.')),
  ];
  const argv = ['sync', '--file-system', ...places];
  await runTool(installation, argv, { timeoutMs: SYNC_TIMEOUT_MS });
}
