import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { endGroupAfter, endingWithUs } from './end-with-us.ts';
import { GroupEnder } from './group-ender.ts';
import type { OsUser } from './os-user.ts';
import { ProcessError, type ProcessFailure } from './process-error.ts';
import { RunOutput } from './run-output.ts';
import { waitForEnd } from './wait-for-end.ts';

export type RunOptions = {
  /** SIGTERM to the child's process group after this, SIGKILL after `killGraceMs` more. */
  readonly timeoutMs: number;
  readonly killGraceMs?: number;
  /** Default `/`: a tool that stood in a data directory would count as a process of the instance. */
  readonly cwd?: string;
  /** The whole environment of the child; default is ours with `LC_ALL=C`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Needs root. */
  readonly runAs?: OsUser;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly onStdoutLine?: (line: string) => void;
  readonly onStderrLine?: (line: string) => void;
  /** How much of each stream is kept, from its end. */
  readonly outputLimitChars?: number;
  /** It and all that it starts end when this process does, even by SIGKILL. Needs `sh` on the host. */
  readonly endsWithUs?: boolean;
  /** Default: only 0. */
  readonly acceptExitCodes?: readonly number[];
};

export type RunResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The beginning of stdout or stderr was dropped because of `outputLimitChars`. */
  readonly truncated: boolean;
  readonly durationMs: number;
};

const KILL_GRACE_MS = 2_000;

/**
 * Runs a program to its end in its own process group; never through a shell.
 *
 * @throws ProcessError when it cannot be started, ends otherwise than accepted, or is ended by us
 */
export async function run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const startedMs = performance.now();
  const output = new RunOutput(options);
  const state = { timedOut: false, cancelled: false };
  const failure = (end: Pick<ProcessFailure, 'exitCode' | 'signal'>): ProcessFailure => ({
    argv,
    ...end,
    ...state,
    stdoutTail: output.stdout.text(),
    stderrTail: output.stderr.text(),
    durationMs: performance.now() - startedMs,
  });
  if (options.signal?.aborted === true) {
    state.cancelled = true;
    throw new ProcessError(failure({}));
  }
  const child = spawnChild(argv, options);
  const closed = waitForEnd(child);
  output.attach(child);
  const ender = new GroupEnder(child, options.killGraceMs ?? KILL_GRACE_MS);
  const timer = setTimeout(() => {
    state.timedOut = true;
    ender.end();
  }, options.timeoutMs);
  const onAbort = (): void => {
    state.cancelled = true;
    ender.end();
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const end = await closed.catch((cause: unknown) => {
      throw new ProcessError(failure({}), { cause });
    });
    output.end();
    const accepted = options.acceptExitCodes ?? [0];
    const { exitCode } = end;
    if (exitCode === undefined || !accepted.includes(exitCode) || state.timedOut) {
      throw new ProcessError(failure(end));
    }
    return {
      exitCode,
      stdout: output.stdout.text(),
      stderr: output.stderr.text(),
      truncated: output.stdout.truncated || output.stderr.truncated,
      durationMs: performance.now() - startedMs,
    };
  } finally {
    clearTimeout(timer);
    ender.stop();
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function spawnChild(argv: readonly string[], options: RunOptions): ChildProcess {
  const { endsWithUs = false } = options;
  const [program = '', ...rest] = endsWithUs ? endingWithUs(argv) : argv;
  const child = spawn(program, rest, spawnOptions(options));
  if (endsWithUs) endGroupAfter(child);
  return child;
}

function spawnOptions(options: RunOptions): SpawnOptions {
  return {
    cwd: options.cwd ?? '/',
    env: options.env ?? { ...process.env, LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe', options.endsWithUs === true ? 'pipe' : 'ignore'],
    detached: true,
    ...(options.runAs === undefined ? {} : { uid: options.runAs.uid, gid: options.runAs.gid }),
  };
}
