import { loadAgentConfig } from '#libs/config';
import { type DeathSignalTest, osUser, testDeathSignal } from '#libs/process';
import { EXIT, type Outcome } from '../outcome.ts';

/**
 * Proves on this host, as PostgreSQL's OS user, that the kernel ends PostgreSQL when its guard dies: file
 * capabilities, SELinux transitions and a missing CAP_KILL take that away silently (safety 13).
 */
export async function guardSelfTest(configFile: string | undefined): Promise<Outcome> {
  const user = configFile === undefined ? 'postgres' : loadAgentConfig(configFile).postgres.user;
  const isRoot = process.getuid?.() === 0;
  return outcomeOf(await testDeathSignal(isRoot ? osUser(user) : undefined));
}

export function outcomeOf(test: DeathSignalTest): Outcome {
  if (test.kind === 'works') {
    const delayMs = Math.round(test.delayMs);
    const text = `the kernel ends PostgreSQL ${delayMs} ms after its guard died`;
    return { exitCode: EXIT.held, text, result: { deathSignal: true, delayMs } };
  }
  const text =
    `the kernel does not end PostgreSQL when its guard dies: ${test.reason}. Agent, fuse and the next ` +
    'guard still would, but later: look for file capabilities of the postgres program (getcap), ' +
    'SELinux transitions, and a guard that runs under another user than PostgreSQL';
  return { exitCode: EXIT.notHeld, text, result: { deathSignal: false, why: test.reason } };
}
