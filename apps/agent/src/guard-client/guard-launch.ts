import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentConfig, guardPaths, toGuardSettings } from '#libs/config';
import type { Installation } from '#libs/postgres-run';
import { writeFileDurably } from '#libs/process';

/** As the guard's own `spare.ts` names it. */
const SPARE_ARGUMENT = '--spare';

/**
 * Starts a guard that outlives this agent: own session, no pipe to us, its log in a file; a
 * spare waits for one byte on its pipe and ends with it. Without
 * options for V8: each of them makes Node compile its own modules at the start, which is part of the
 * outage when a guard dies, and a guard that allocates nothing stays small without them.
 */
export function launchGuard(
  config: AgentConfig,
  installation: Installation,
  program: string,
  as: 'guard' | 'spare' = 'guard',
): ChildProcess {
  const settingsPath = guardPaths(config).settings;
  const settings = toGuardSettings(config, installation.binDirectory);
  writeFileDurably(settingsPath, `${JSON.stringify(settings, null, 2)}\n`);
  const log = openSync(join(config.stateDirectory, 'guard.log'), 'a', 0o600);
  try {
    const spare = as === 'spare';
    const argv = [program, settingsPath, ...(spare ? [SPARE_ARGUMENT] : [])];
    const child = spawn(process.execPath, argv, {
      detached: true,
      stdio: ['ignore', log, log, ...(spare ? (['pipe'] as const) : [])],
      cwd: '/',
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}
