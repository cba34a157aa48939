import { type InitdbRequest, initdbArgv } from '#libs/postgres-model';
import type { Installation } from './installation.ts';
import { runTool } from './run-tool.ts';

export type InitdbOptions = Omit<InitdbRequest, 'binDirectory'> & { readonly timeoutMs?: number };

const INITDB_TIMEOUT_MS = 120_000;

/**
 * Makes an empty data directory (checksums on, UTF8), fsynced by initdb.
 *
 * @throws ProcessError also when the directory is not empty
 */
export async function initdb(installation: Installation, options: InitdbOptions): Promise<void> {
  const { timeoutMs, ...request } = options;
  await runTool(installation, initdbArgv({ ...request, binDirectory: installation.binDirectory }), {
    timeoutMs: timeoutMs ?? INITDB_TIMEOUT_MS,
  });
}
