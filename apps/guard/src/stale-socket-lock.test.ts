import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeStaleSocketLock, socketLockOf } from './stale-socket-lock.ts';

const NOBODY = 65_534;

describe('the lock beside the socket of a dead postmaster', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'socket-lock-'));
    path = join(directory, '.s.PGSQL.5432.lock');
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  async function deadPid(): Promise<number> {
    const child = spawn('true');
    await new Promise((resolve) => child.once('exit', resolve));
    return child.pid ?? 0;
  }

  function postmasterPid(pid: number): void {
    const lines = [pid, directory, 1_700_000_000, 5432, directory, '*', '1 2', 'ready', ''];
    writeFileSync(join(directory, 'postmaster.pid'), lines.join('\n'));
  }

  it.each([
    { what: 'of a dead one', alive: false, sameWriter: true, removed: true },
    { what: 'of a living one', alive: true, sameWriter: true, removed: false },
    { what: 'written by another since', alive: false, sameWriter: false, removed: false },
  ])('$what: removed is $removed', async ({ alive, sameWriter, removed }) => {
    const pid = alive ? process.pid : await deadPid();
    postmasterPid(pid);
    writeFileSync(path, `${sameWriter ? pid : pid + 1}\n${directory}\n`);
    const lock = socketLockOf(directory);
    expect(lock).toEqual({ path, pid });
    expect(lock !== undefined && removeStaleSocketLock(lock)).toBe(removed);
    expect(existsSync(path)).toBe(!removed);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'stays where nothing takes a change, or may be read',
    async () => {
      const pid = await deadPid();
      postmasterPid(pid);
      writeFileSync(path, `${pid}\n${directory}\n`);
      chmodSync(directory, 0o555);
      process.seteuid?.(NOBODY);
      try {
        expect(removeStaleSocketLock({ path, pid })).toBe(false);
        process.seteuid?.(0);
        chmodSync(directory, 0o700);
        process.seteuid?.(NOBODY);
        expect(socketLockOf(directory)).toBeUndefined();
      } finally {
        process.seteuid?.(0);
      }
      expect(existsSync(path)).toBe(true);
    },
  );

  it('is unknown without a pid file, and may be gone already', async () => {
    expect(socketLockOf(directory)).toBeUndefined();
    expect(removeStaleSocketLock({ path, pid: await deadPid() })).toBe(false);
  });
});
