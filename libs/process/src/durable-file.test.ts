import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeFileDurably } from './durable-file.ts';

const ROOM_BYTES = 5_000;
const file = (): string => join(directory, 'state.json');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'durable-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** As on a disk that is nearly full: `write` takes the part that has room, and says so by its count. */
function withRoomFor(bytes: number | 'unlimited', work: () => void): void {
  const limit = (soft: number | 'unlimited'): void => {
    const to = [`--pid=${process.pid}`, `--fsize=${soft}:`];
    const { status, stderr } = spawnSync('prlimit', to, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  limit(bytes);
  try {
    work();
  } finally {
    limit('unlimited');
  }
}

it('a file that finds room for a part leaves the old one whole', () => {
  writeFileDurably(file(), 'old');
  withRoomFor(ROOM_BYTES, () => {
    expect(() => writeFileDurably(file(), 'n'.repeat(2 * ROOM_BYTES))).toThrow('EFBIG');
  });
  expect(readFileSync(file(), 'utf8')).toBe('old');
  writeFileDurably(file(), 'n'.repeat(2 * ROOM_BYTES));
  expect(readFileSync(file(), 'utf8')).toHaveLength(2 * ROOM_BYTES);
  expect(readdirSync(directory)).toEqual(['state.json']);
});
