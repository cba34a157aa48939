import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it, vi } from 'vitest';
import { isDead, ProcTable } from './proc-table.ts';
import { ProcessError } from './process-error.ts';
import { run } from './run.ts';

const LIMITS = { timeoutMs: 5_000 };
const WAIT = { timeout: 15_000, interval: 20 };

async function failureOf(promise: Promise<unknown>): Promise<ProcessError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProcessError)) throw new Error(`not a ProcessError: ${String(error)}`);
  return error;
}

/** Another Node process that runs a script as we run tools; resolves when the script has begun. */
async function parentOf(script: string): Promise<ChildProcess> {
  const argv = ['sh', '-c', `echo begun >&2; ${script}`];
  const bundled = await build({
    stdin: {
      contents: `import { run } from './run.ts';
        const onStderrLine = () => console.log('begun');
        await run(${JSON.stringify(argv)}, { timeoutMs: 300_000, endsWithUs: true, onStderrLine });`,
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    conditions: ['source'],
  });
  const program = bundled.outputFiles[0]?.text ?? '';
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(parent.stdout, 'data');
  return parent;
}

function runningAs(title: string): number {
  const proc = new ProcTable();
  return proc.pids().filter((pid) => proc.title(pid) === title).length;
}

describe('run', () => {
  it('gives both streams, with untranslated messages and no shell between', async () => {
    const result = await run(
      ['sh', '-c', 'echo "$LC_ALL $1"; echo err >&2', 'sh', '$(id) *'],
      LIMITS,
    );
    expect(result).toMatchObject({ exitCode: 0, stdout: 'C $(id) *\n', stderr: 'err\n' });
  });

  it('names the cause, not the cleaning up that is said after it', async () => {
    const said = 'echo "tool: error: no space left" >&2; echo "tool: removing files" >&2; exit 1';
    const { message } = await failureOf(run(['sh', '-c', said], LIMITS));
    expect(message).toMatch(/exit code 1 .*: tool: error: no space left$/);
  });

  it('hands on lines, also those that end in a carriage return or in nothing', async () => {
    const lines: string[] = [];
    await run(['printf', 'one\\rtwo\\nthree'], {
      ...LIMITS,
      onStdoutLine: (line) => lines.push(line),
    });
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  it('keeps the end of a long output', async () => {
    const argv = ['sh', '-c', 'seq 1 100000'];
    const result = await run(argv, { ...LIMITS, outputLimitChars: 20 });
    expect(result.stdout.length).toBe(20);
    expect(result.stdout.endsWith('99999\n100000\n')).toBe(true);
    expect(result.truncated).toBe(true);
  });

  it('gives stdin', async () => {
    expect((await run(['cat'], { ...LIMITS, stdin: 'hello' })).stdout).toBe('hello');
  });

  it.each([
    { why: 'an exit code', argv: ['sh', '-c', 'echo why >&2; exit 3'], exitCode: 3 },
    { why: 'a signal', argv: ['sh', '-c', 'kill -9 $$'], signal: 'SIGKILL' },
  ])('fails with $why', async ({ argv, exitCode, signal }) => {
    const { failure, code } = await failureOf(run(argv, LIMITS));
    expect(code).toBe('PROCESS_FAILED');
    expect(failure.exitCode).toBe(exitCode);
    expect(failure.signal).toBe(signal);
    expect(failure.timedOut).toBe(false);
  });

  it('names a program that is not there', async () => {
    const error = await failureOf(run(['/nowhere/pg_ctl'], LIMITS));
    expect(error.message).toContain('/nowhere/pg_ctl did not start');
    expect(error.cause).toMatchObject({ code: 'ENOENT' });
  });

  it('ends a child that ignores SIGTERM, with its own children', async () => {
    const argv = ['sh', '-c', 'trap "" TERM; sleep 30 & while :; do sleep 30; done'];
    const error = await failureOf(run(argv, { timeoutMs: 50, killGraceMs: 50 }));
    expect(error.failure).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
    expect(error.failure.durationMs).toBeLessThan(2_000);
  });

  it('is cancelled by the caller', async () => {
    const abort = new AbortController();
    const failing = failureOf(run(['sleep', '30'], { ...LIMITS, signal: abort.signal }));
    abort.abort();
    expect((await failing).failure).toMatchObject({ cancelled: true, signal: 'SIGTERM' });
  });

  it('leaves nothing of a tool that has ended, and passes on how it ended', async () => {
    const argv = ['sh', '-c', 'sleep 300 & echo $!; cat; exit 3'];
    const error = await failureOf(run(argv, { ...LIMITS, endsWithUs: true, stdin: 'said\n' }));
    const [pid, said] = error.failure.stdoutTail.split('\n');
    expect(error.failure).toMatchObject({ exitCode: 3, argv });
    expect(said).toBe('said');
    await vi.waitUntil(() => isDead(new ProcTable().stat(Number(pid))), WAIT);
  });

  it.each([
    { which: 'that ended well', goesOn: 'true', timeoutMs: 20_000, end: { exitCode: 0 } },
    {
      ...{ which: 'past its limit', goesOn: 'sleep 300', timeoutMs: 1_000 },
      end: { failure: { timedOut: true } },
    },
  ])('does not wait for a daemon that holds the streams of a tool $which', async (given) => {
    const { goesOn, timeoutMs, end } = given;
    // It says who it is once it has a session of its own, on a pipe that is read before the tool goes on.
    const script = `mkfifo -m 600 "$0"; setsid sh -c 'echo $$ >"$0"; exec sleep 300' "$0" & read -r pid <"$0"; rm "$0"; echo $pid; echo said; ${goesOn}`;
    const lines: string[] = [];
    const beganMs = performance.now();
    const fifo = join(tmpdir(), `run-${process.pid}-${Math.round(beganMs)}`);
    const running = run(['sh', '-c', script, fifo], {
      ...{ timeoutMs, killGraceMs: 100, endsWithUs: true },
      onStdoutLine: (line) => lines.push(line),
    });
    expect(await running.catch((failure: unknown) => failure)).toMatchObject(end);
    expect(performance.now() - beganMs).toBeLessThan(30_000);
    const [daemon, said] = lines;
    expect(said).toBe('said');
    process.kill(Number(daemon), 'SIGKILL');
  });

  it('reads all that a tool wrote before its end, also when we stood still meanwhile', async () => {
    const argv = ['sh', '-c', 'setsid sleep 300 & echo $! >&2; seq 1 12000'];
    const lines: string[] = [];
    let daemon = 0;
    const ended = run(argv, {
      timeoutMs: 60_000,
      onStdoutLine: (line) => {
        lines.push(line);
        // The tool ends, and every timer is due, before the loop looks at its streams again.
        if (lines.length === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
      },
      onStderrLine: (line) => {
        daemon = Number(line);
      },
    });
    await ended;
    expect(lines.at(-1)).toBe('12000');
    process.kill(daemon, 'SIGKILL');
  });

  it.each([
    { which: 'a tool', script: 'exec sleep 86401' },
    { which: 'what a tool has started', script: 'trap "" TERM; sleep 86402; :' },
  ])('ends $which when we are killed', { timeout: 60_000 }, async ({ script }) => {
    const sleeper = /sleep \d+/.exec(script)?.[0] ?? '';
    const parent = await parentOf(script);
    await vi.waitUntil(() => runningAs(sleeper) === 1, WAIT);
    parent.kill('SIGKILL');
    await vi.waitUntil(() => runningAs(sleeper) === 0, WAIT);
  });

  it('accepts other exit codes when told', async () => {
    const result = await run(['sh', '-c', 'exit 1'], { ...LIMITS, acceptExitCodes: [0, 1] });
    expect(result.exitCode).toBe(1);
  });
});
