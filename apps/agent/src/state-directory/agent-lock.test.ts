import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockStateDirectory } from './agent-lock.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'matriarch-state-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('a second agent of a state directory is told of the first, also one of another name', () => {
  lockStateDirectory(directory, 'main/pg1');
  expect(() => lockStateDirectory(directory, 'main/pg9', 50)).toThrow(
    `another agent (main/pg1, pid ${process.pid}) has the state directory ${directory}: end that one`,
  );
});

it('one that was killed leaves it to the next', async () => {
  const path = join(directory, 'agent.lock');
  const holder = spawn('flock', ['--exclusive', path, 'sleep', '60'], { detached: true });
  const ended = once(holder, 'exit');
  await expect.poll(() => isLocked(), { timeout: 5_000 }).toBe(true);
  process.kill(-(holder.pid ?? 0), 'SIGKILL');
  await ended;
  lockStateDirectory(directory, 'main/pg1');
  expect(readFileSync(path, 'utf8')).toBe(`main/pg1, pid ${process.pid}\n`);
});

function isLocked(): boolean {
  try {
    lockStateDirectory(directory, 'a look', 0);
    return false;
  } catch {
    return true;
  }
}
