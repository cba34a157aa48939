import { type InitdbRequest, initdbArgv } from '#libs/postgres-model';
import type { Installation } from './installation.ts';
import { runTool } from './run-tool.ts';
import { syncFileSystems } from './sync-file-systems.ts';

export type InitdbOptions = Omit<InitdbRequest, 'binDirectory'> & { readonly timeoutMs?: number };

const INITDB_TIMEOUT_MS = 120_000;
const NO_SYNC = '--no-sync';

/**
 * Makes an empty data directory (checksums on, UTF8), on disk when it resolves unless `--no-sync`
 * is among the options.
 *
 * @throws ProcessError also when the directory is not empty
 */
export async function initdb(installation: Installation, options: InitdbOptions): Promise<void> {
  const { timeoutMs, extraOptions = [], ...request } = options;
  const { binDirectory } = installation;
  const argv = initdbArgv({
    ...request,
    binDirectory,
    extraOptions: [NO_SYNC, ...extraOptions.filter((option) => option !== NO_SYNC)],
  });
  await runTool(installation, argv, { timeoutMs: timeoutMs ?? INITDB_TIMEOUT_MS });
  if (!extraOptions.includes(NO_SYNC)) await syncFileSystems(installation, options.dataDirectory);
}
