import { type ControlData, parseControlData } from '#libs/postgres-model';
import type { Installation } from './installation.ts';
import { runTool } from './run-tool.ts';

const CONTROL_DATA_TIMEOUT_MS = 5_000;

/**
 * Reads the control file of a data directory, running or not.
 *
 * @throws ProcessError, ControlDataError
 */
export async function readControlData(
  installation: Installation,
  dataDirectory: string,
): Promise<ControlData> {
  const argv = [`${installation.binDirectory}/pg_controldata`, dataDirectory];
  const { stdout } = await runTool(installation, argv, { timeoutMs: CONTROL_DATA_TIMEOUT_MS });
  return parseControlData(stdout);
}
