import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { present } from '#libs/kernel';
import type { OsUser } from './os-user.ts';
import { isDead, ProcTable } from './proc-table.ts';

/** Exit code of the launcher when its parent died before the kernel was asked for the signal. */
export const LAUNCHER_ORPHANED_EXIT_CODE = 70;

/**
 * Asks the kernel for SIGQUIT at the parent's death, then looks whether the parent is still the one
 * that was meant: a parent that died before would never be noticed (safety 13).
 */
const CHECK_PARENT_THEN_EXEC = `[ "$PPID" = "$1" ] || exit ${LAUNCHER_ORPHANED_EXIT_CODE}; shift; exec "$@"`;

export type LaunchRequest = {
  /** The pid of the guard, which must spawn this from its main thread. */
  readonly parentPid: number;
  readonly program: readonly string[];
};

/** The argv that starts a program which the kernel ends when its parent dies; spawns nothing. */
export function dieWithParentArgv(request: LaunchRequest): readonly string[] {
  return [
    ...['setpriv', '--pdeathsig', 'QUIT', '--'],
    ...['sh', '-c', CHECK_PARENT_THEN_EXEC, 'sh', String(request.parentPid)],
    ...request.program,
  ];
}

export type DeathSignalTest =
  | { readonly kind: 'works'; readonly delayMs: number }
  | { readonly kind: 'failed'; readonly reason: string };

/** How long the signal may take before the test calls it missing. */
const SIGNAL_LIMIT_MS = 2_000;
const POLL_INTERVAL_MS = 5;

const LAUNCH_AND_TELL_PID =
  'echo "$$"; exec setpriv --pdeathsig QUIT -- sh -c "$1" sh "$PPID" sleep 30';
/** The launcher as `dieWithParentArgv` builds it; only a shell knows the pid of the parent to be. */
const LAUNCH_SLEEP = [...['sh', '-c', LAUNCH_AND_TELL_PID], ...['sh', CHECK_PARENT_THEN_EXEC]];
/** In the foreground: a shell without job control lets its background jobs ignore SIGQUIT. */
const START_AND_WAIT = '"$@"; :';

/**
 * Proves on this host that the signal arrives: a shell starts a sleeping child through the launcher and
 * is killed. File capabilities, SELinux transitions and a missing CAP_KILL make it fail silently.
 */
export async function testDeathSignal(runAs?: OsUser): Promise<DeathSignalTest> {
  const proc = new ProcTable();
  const parent = spawn('sh', ['-c', START_AND_WAIT, 'sh', ...LAUNCH_SLEEP], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    ...(runAs === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }),
  });
  const childPid = await firstNumber(present(parent.stdout, 'stdout is a pipe'));
  if (childPid === undefined) return { kind: 'failed', reason: 'the launcher did not start' };
  const ready = await until(() => proc.stat(childPid)?.command === 'sleep', SIGNAL_LIMIT_MS);
  const identity = proc.stat(childPid);
  parent.kill('SIGKILL');
  if (!ready || identity === undefined) {
    return { kind: 'failed', reason: 'the launcher did not reach its program' };
  }
  const killedMs = performance.now();
  const dead = await until(() => isDead(proc.stat(childPid)), SIGNAL_LIMIT_MS);
  if (dead) return { kind: 'works', delayMs: performance.now() - killedMs };
  if (proc.stat(childPid)?.startTicks === identity.startTicks) process.kill(childPid, 'SIGKILL');
  return { kind: 'failed', reason: `the child lived ${SIGNAL_LIMIT_MS} ms after its parent` };
}

/**
 * Whether a running program got capabilities from its file: the kernel then clears the death signal at
 * exec, so such a postmaster would outlive its guard.
 */
export function hasCapabilities(pid: number, proc = new ProcTable()): boolean {
  const match = /^CapPrm:\s*([0-9a-f]+)$/m.exec(proc.status(pid) ?? '');
  return match !== null && BigInt(`0x${match[1]}`) !== 0n;
}

async function firstNumber(stream: NodeJS.ReadableStream): Promise<number | undefined> {
  for await (const chunk of stream) return Number.parseInt(String(chunk), 10);
  return undefined;
}

async function until(condition: () => boolean, limitMs: number): Promise<boolean> {
  const startedMs = performance.now();
  while (!condition()) {
    if (performance.now() - startedMs > limitMs) return false;
    await delay(POLL_INTERVAL_MS);
  }
  return true;
}
