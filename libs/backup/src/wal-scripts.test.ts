import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { archiveScript, leaseFileText, restoreScript, walSetting } from './wal-scripts.ts';

const WAITERS_LIMIT = { timeout: 15_000 };

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mt wal's-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function uptime(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
}

function begin(text: string, ...args: string[]): { child: ChildProcess; code: Promise<number> } {
  const script = join(directory, 'script');
  writeFileSync(script, text);
  chmodSync(script, 0o700);
  const child = spawn(script, args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  const code = new Promise<number>((resolve) => child.once('exit', (end) => resolve(end ?? -1)));
  return { child, code };
}

async function took(work: Promise<number>): Promise<{ code: number; ms: number }> {
  const begunMs = performance.now();
  return { code: await work, ms: performance.now() - begunMs };
}

function restore(argv: readonly string[], limitSeconds = 30, environment = {}): string {
  return restoreScript({ argv, environment }, { detachedMark: 'matriarch.detached', limitSeconds });
}

function postmasterPid(status: string): void {
  writeFileSync(join(directory, 'postmaster.pid'), `1\n2\n3\n4\n5\n6\n7\n${status}\n`);
}

function archive(argv: readonly string[], remainingMs: number | null): string {
  const leaseFile = join(directory, 'lease');
  writeFileSync(leaseFile, leaseFileText(uptime(), remainingMs));
  return archiveScript({ argv }, { leaseFile });
}

describe('the script around restore_command', () => {
  it.each([
    { answer: 0, code: 0 },
    { answer: 74, code: 1 },
    { answer: 1, code: 126 },
    { answer: 2, code: 126 },
  ])('of a recovery that nobody follows up turns $answer into $code', async ({ answer, code }) => {
    const program = { argv: ['sh', '-c', `exit ${answer}`], missingExitCodes: [74] };
    const options = { detachedMark: 'matriarch.detached', limitSeconds: 30 };
    const strict = begin(
      restoreScript(program, { ...options, failureEndsRecovery: true }),
      'F',
      'p',
    );
    expect(await strict.code).toBe(code);
    const lenient = begin(restoreScript(program, options), 'F', 'p');
    expect(await lenient.code).toBe(answer === 0 ? 0 : 1);
  });

  it('gives name and path to the program, with what it needs around it', async () => {
    const argv = ['sh', '-c', 'echo "$0 $1 $KEY" > out', "it's %%f %f", '%p'];
    const { code } = begin(restore(argv, 30, { KEY: 'a "b"' }), '000A', 'pg_wal/RECOVERYXLOG');
    expect(await code).toBe(0);
    const out = readFileSync(join(directory, 'out'), 'utf8');
    expect(out).toBe(`it's %f 000A pg_wal/RECOVERYXLOG a "b"\n`);
  });

  it.each([1, 126, 200])('answers 1 when the program ends with %i', async (answer) => {
    expect(await begin(restore(['sh', '-c', `exit ${answer}`])).code).toBe(1);
  });

  it('answers 1 at once while the instance is detached, also in the middle', async () => {
    const hanging = restore(['sh', '-c', 'sleep 30 & wait']);
    const running = begin(hanging);
    await delay(200);
    writeFileSync(join(directory, 'matriarch.detached'), '');
    const middle = await took(running.code);
    expect(middle.code).toBe(1);
    expect(middle.ms).toBeLessThan(1_500);
    const before = await took(begin(hanging).code);
    expect(before.code).toBe(1);
    expect(before.ms).toBeLessThan(1_000);
  });

  it('ends a program whose time is over', async () => {
    const { code, ms } = await took(begin(restore(['sleep', '30'], 0.3)).code);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(3_000);
  });
});

describe('the script around archive_command', () => {
  const copy = ['sh', '-c', 'cp "$0" "copy of $1"', '%p', '%f'];

  it('archives for the holder of the lease', async () => {
    postmasterPid('ready');
    writeFileSync(join(directory, 'segment'), 'wal');
    expect(await begin(archive(copy, 60_000), 'segment', '000A').code).toBe(0);
    expect(readFileSync(join(directory, 'copy of 000A'), 'utf8')).toBe('wal');
  });

  it.each([
    ['that was never held', null],
    ['that is over', -10],
  ] as const)('refuses with a lease %s', async (_name, remainingMs) => {
    postmasterPid('ready');
    expect(await begin(archive(['touch', 'done'], remainingMs), 'segment', '000A').code).toBe(1);
    expect(existsSync(join(directory, 'done'))).toBe(false);
  });

  it('refuses without any word of the lease', async () => {
    postmasterPid('ready');
    const text = archiveScript({ argv: ['touch', 'done'] }, { leaseFile: '/nonexistent/lease' });
    expect(await begin(text, 'segment', '000A').code).toBe(1);
  });

  it('ends its program and answers 130 when PostgreSQL stops', async () => {
    postmasterPid('ready');
    const running = begin(archive(['sh', '-c', 'sleep 30 & wait'], 60_000), 'segment', '000A');
    await delay(200);
    postmasterPid('stopping');
    const { code, ms } = await took(running.code);
    expect(code).toBe(130);
    expect(ms).toBeLessThan(1_500);
    expect(await begin(archive(copy, 60_000), 'segment', '000A').code).toBe(130);
  });

  it.each([
    [1, 1],
    [125, 125],
    [137, 1],
  ])('answers %i of the program with %i', async (answer, expected) => {
    postmasterPid('ready');
    const text = archive(['sh', '-c', `exit ${answer}`], 60_000);
    expect(await begin(text, 'segment', '000A').code).toBe(expected);
  });
});

it.each([
  ['restore_command', () => restore(['sleep', '3'])],
  ['archive_command', () => archive(['sleep', '3'], 60_000)],
])('leaves nobody waiting when the script around %s is killed', async (_name, text) => {
  postmasterPid('ready');
  const { child, code } = begin(text(), 'segment', '000A');
  const inSession = () => waitersIn(directory).length;
  await vi.waitFor(() => expect(inSession()).toBeGreaterThan(0), WAITERS_LIMIT);
  child.kill('SIGKILL');
  await code;
  await vi.waitFor(() => expect(inSession()).toBe(0), WAITERS_LIMIT);
});

/** Processes of a script: its subshells have the script's path among their arguments. */
function waitersIn(of: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(of, 'script'));
    } catch {
      return false;
    }
  });
}

it('is named in a setting so that the shell of PostgreSQL reads it', () => {
  expect(walSetting("/var/lib/it's 100%/wal-restore", 'restore')).toBe(
    `'/var/lib/it'\\''s 100%%/wal-restore' "%f" "%p"`,
  );
});
