import type { Logger } from '#libs/observability';
import { run } from '#libs/process';
import { type HookCall, hookArgv, hookEnvironment } from './hook-command.ts';

/** A script that says more than this has its log elsewhere. */
const LINES_LOGGED_MAX = 100;

/**
 * Runs one program as the agent's own user, which is PostgreSQL's. Past its limit, and with this process,
 * it ends together with all that it started.
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
  await run(hookArgv(call), {
    ...options,
    env: { ...process.env, ...hookEnvironment(call) },
    endsWithUs: true,
    onStdoutLine: said,
    onStderrLine: said,
  });
  log.info('hook ended', { hook: name, role, tookMs: Math.round(performance.now() - begunMs) });
}
