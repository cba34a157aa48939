import { withoutConnection } from '#libs/process';
import type { GuardSettings } from '#libs/protocol';

/**
 * The argv of the postmaster. `restart_after_crash` stands on the command line, which beats every
 * file: a crash of one backend must end the postmaster, so that no restart happens without the guard
 * knowing (safety 10).
 */
export function postmasterProgram(settings: GuardSettings['postgres']): readonly string[] {
  const { binary, dataDirectory } = settings;
  return [binary, '-D', dataDirectory, ...settings.arguments, '-c', 'restart_after_crash=off'];
}

/** Backends give up the guard's protection from the OOM killer; nothing of systemd's, or for `psql`, is handed on. */
export function postmasterEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { NOTIFY_SOCKET, WATCHDOG_PID, WATCHDOG_USEC, NODE_OPTIONS, ...rest } = env;
  return {
    ...withoutConnection(rest),
    PG_OOM_ADJUST_FILE: '/proc/self/oom_score_adj',
    PG_OOM_ADJUST_VALUE: '0',
  };
}
