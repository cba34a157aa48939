import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { timelineId } from '#libs/kernel';
import { bringHistory, type HistorySource } from './copied-history.ts';

const TEXT = '1\t0/50001F8\tno recovery target specified\n';
const has: HistorySource = (_timeline, path) => {
  writeFileSync(path, TEXT);
  return Promise.resolve(true);
};
const hasNot: HistorySource = () => Promise.resolve(false);
const away: HistorySource = () => Promise.reject(new Error('connection refused'));
let dataDirectory: string;

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'matriarch-copy-'));
  mkdirSync(join(dataDirectory, 'pg_wal'));
});
afterEach(() => rmSync(dataDirectory, { recursive: true }));

const file = () => join(dataDirectory, 'pg_wal', '00000002.history');

describe('the history of the timeline that a copy without WAL is on', () => {
  it('is taken from whoever has it', async () => {
    await bringHistory(dataDirectory, timelineId(2), [away, hasNot, has]);
    expect(readFileSync(file(), 'utf8')).toBe(TEXT);
  });

  it('is not asked for where it came along, nor of the first timeline', async () => {
    await bringHistory(dataDirectory, timelineId(1), []);
    writeFileSync(file(), TEXT);
    await bringHistory(dataDirectory, timelineId(2), []);
  });

  it('refuses the copy when nobody has it, before it takes the place of anything', async () => {
    const refused = bringHistory(dataDirectory, timelineId(2), [away, hasNot]);
    await expect(refused).rejects.toThrow(
      'on timeline 2, and its history is nowhere: connection refused',
    );
    expect(existsSync(file())).toBe(false);
  });
});
