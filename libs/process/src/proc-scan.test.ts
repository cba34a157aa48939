import { type ChildProcess, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { killAll, signalIfSame } from './kill-all.ts';
import { ProcessesInDirectory } from './proc-scan.ts';
import { ProcTable, parseProcStat } from './proc-table.ts';

describe('the processes of a directory', () => {
  let directory: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'mtpg-')));
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  function sleeper(cwd: string, argv: readonly string[] = ['sleep', '30']): number {
    const child = spawn(argv[0] ?? '', argv.slice(1), { cwd, stdio: 'ignore' });
    children.push(child);
    if (child.pid === undefined) throw new Error('not started');
    return child.pid;
  }

  it('finds those that stand in it, whatever path names it, and no others', () => {
    const inside = sleeper(directory);
    sleeper('/');
    symlinkSync(directory, `${directory}-link`);
    const { processes } = new ProcessesInDirectory(`${directory}-link`).scan();
    rmSync(`${directory}-link`);
    expect(processes.map(({ pid }) => pid)).toEqual([inside]);
    expect(processes[0]).toMatchObject({ parentPid: process.pid });
  });

  it('finds orphans and those whose directory was removed', () => {
    const inside = sleeper(directory);
    const processes = new ProcessesInDirectory(directory);
    rmSync(directory, { recursive: true });
    expect(processes.scan().processes.map(({ pid }) => pid)).toEqual([inside]);
  });

  it('does not take a directory for the one whose name it had', () => {
    const processes = new ProcessesInDirectory(directory);
    renameSync(directory, `${directory}.aside`);
    sleeper(`${directory}.aside`);
    expect(processes.scan().processes).toEqual([]);
    rmSync(`${directory}.aside`, { recursive: true });
  });

  it('finds those whose directory was moved away, or its link turned, while it follows them', () => {
    const [link, moved] = [`${directory}-link`, `${directory}.moved`];
    symlinkSync('/', link);
    const processes = new ProcessesInDirectory(link);
    rmSync(link);
    symlinkSync(directory, link);
    const inside = sleeper(directory);
    const found = () => processes.scan().processes.map(({ pid }) => pid);
    processes.follow();
    expect(found()).toContain(inside);
    renameSync(directory, moved);
    expect(found()).toContain(inside);
    rmSync(moved, { recursive: true });
    expect(found()).toContain(inside);
    processes.unfollow();
    expect(found()).not.toContain(inside);
    rmSync(link);
  });

  it('kills all, also one that is stopped and one that forks', async () => {
    const stopped = sleeper(directory);
    process.kill(stopped, 'SIGSTOP');
    sleeper(directory, ['sh', '-c', 'while :; do sleep 0.01; done']);
    const outcome = await killAll(new ProcessesInDirectory(directory), { limitMs: 2_000 });
    expect(outcome.left).toEqual([]);
    expect(outcome.killed).toBeGreaterThanOrEqual(2);
    expect(new ProcessesInDirectory(directory).scan().processes).toEqual([]);
  });

  it('signals nobody whose start time is another', () => {
    const processes = new ProcessesInDirectory(directory);
    const pid = sleeper(directory);
    const startTicks = processes.startTicks(pid) ?? 0;
    expect(signalIfSame(processes, { pid, startTicks: startTicks - 1 }, 'SIGKILL')).toBe(false);
    expect(signalIfSame(processes, { pid, startTicks }, 'SIGKILL')).toBe(true);
  });
});

it("looks only into its own owner's processes, and into all as root", () => {
  const link = (pid: number) => join(proc, `${pid}`, 'cwd');
  const proc = mkdtempSync(join(tmpdir(), 'mtproc-'));
  const directory = join(proc, 'data');
  for (const pid of [4, 5]) {
    mkdirSync(join(proc, `${pid}`));
    writeFileSync(join(proc, `${pid}`, 'stat'), `${pid} (postgres) S 1 ${'0 '.repeat(17)}7 0`);
    writeFileSync(join(proc, `${pid}`, 'cmdline'), 'postgres\0');
    symlinkSync(directory, link(pid));
  }
  class TwoOwners extends ProcTable {
    override ownerUid(pid: number): number {
      return pid === 4 ? 1_001 : 1_002;
    }
  }
  const seenAs = (uid: number) =>
    new ProcessesInDirectory(directory, new TwoOwners(proc), uid)
      .scan()
      .processes.map(({ pid }) => pid);
  expect([seenAs(1_001), seenAs(1_002), seenAs(1_003), seenAs(0)]).toEqual([[4], [5], [], [4, 5]]);
  rmSync(proc, { recursive: true });
});

describe('parseProcStat', () => {
  const numbers = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20';
  it.each([
    { text: `42 (postgres) S ${numbers}`, command: 'postgres', state: 'S' },
    { text: `42 (a) b (c) Z ${numbers}`, command: 'a) b (c', state: 'Z' },
  ])('reads $text', ({ text, command, state }) => {
    const startTicks = 987654;
    expect(parseProcStat(text)).toEqual({ pid: 42, command, state, parentPid: 1, startTicks });
  });

  it('gives nothing for a file that was cut short', () => {
    expect(parseProcStat('')).toBeUndefined();
    expect(parseProcStat('42 (postgres')).toBeUndefined();
  });
});
