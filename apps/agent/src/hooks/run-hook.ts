import { randomUUID } from 'node:crypto';
import type { Logger } from '#libs/observability';
import { endMarked, run } from '#libs/process';
import { type HookCall, hookArgv, hookEnvironment } from './hook-command.ts';

/** A script that says more than this has its log elsewhere. */
const LINES_LOGGED_MAX = 100;

/** In the environment of a hook and of all that it starts, also of what left its process group. */
const MARK = 'MATRIARCH_HOOK_RUN';
/** From SIGTERM to SIGKILL, where something waits for the hook: an outage, as a rule. */
const KILL_GRACE_MS = 500;

/**
 * Runs one program as the agent's own user, which is PostgreSQL's. Past its limit it ends together with all that it
 * started, with this process together with its process group. A daemon that a hook leaves behind in good order stays.
 *
 * @throws ProcessError
 */
export async function runHook(
  call: HookCall,
  log: Logger,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  const { name, role } = call;
  let lines = 0;
  const said = (line: string): void => {
    lines += 1;
    if (lines <= LINES_LOGGED_MAX) log.info('hook says', { hook: name, line });
  };
  const begunMs = performance.now();
  log.info('hook begins', { hook: name, role });
  const mark = randomUUID();
  try {
    await run(hookArgv(call), {
      ...options,
      killGraceMs: KILL_GRACE_MS,
      env: { ...process.env, ...hookEnvironment(call), [MARK]: mark },
      endsWithUs: true,
      onStdoutLine: said,
      onStderrLine: said,
    });
  } catch (error) {
    const strays = endMarked(MARK, mark);
    if (strays > 0) log.info('what a hook left behind is ended', { hook: name, strays });
    throw error;
  }
  log.info('hook ended', { hook: name, role, tookMs: Math.round(performance.now() - begunMs) });
}
