import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ControlData, parseControlData, parseControlFile } from '#libs/postgres-model';
import type { Installation } from './installation.ts';
import { runTool } from './run-tool.ts';

const CONTROL_DATA_TIMEOUT_MS = 5_000;

/**
 * Reads the control file of a data directory, running or not; with `pg_controldata` where its layout
 * is not known here.
 *
 * @throws ProcessError, ControlDataError
 */
export async function readControlData(
  installation: Installation,
  dataDirectory: string,
): Promise<ControlData> {
  const known = parseControlFile(readFileSync(join(dataDirectory, 'global', 'pg_control')));
  if (known !== null) return known;
  const argv = [`${installation.binDirectory}/pg_controldata`, dataDirectory];
  const { stdout } = await runTool(installation, argv, { timeoutMs: CONTROL_DATA_TIMEOUT_MS });
  return parseControlData(stdout);
}
