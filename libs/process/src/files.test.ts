import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeFileDurably, writeFileDurably, writeFileIfChanged } from './durable-file.ts';
import { hasStandbySignal, putStandbySignal, removeStandbySignal } from './standby-signal.ts';
import { clearUnfinished, markUnfinished, unfinishedWork } from './unfinished-mark.ts';

describe('files that survive a crash', () => {
  let directory: string;

  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'mtpg-')), 'pg1');
    mkdirSync(directory);
  });

  afterEach(() => {
    rmSync(join(directory, '..'), { recursive: true, force: true });
  });

  it('replaces a file whole, private, over the rest of an earlier attempt', () => {
    const path = join(directory, 'matriarch.conf');
    writeFileSync(join(directory, '.matriarch.conf.matriarch-new'), 'half');
    writeFileDurably(path, 'one');
    expect(writeFileIfChanged(path, 'one')).toBe(false);
    expect(writeFileIfChanged(path, 'two')).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['matriarch.conf']);
    expect(removeFileDurably(path)).toBe(true);
    expect(removeFileDurably(path)).toBe(false);
  });

  it('puts and takes standby.signal, each once', () => {
    expect([putStandbySignal(directory), putStandbySignal(directory)]).toEqual([true, false]);
    expect(hasStandbySignal(directory)).toBe(true);
    expect([removeStandbySignal(directory), removeStandbySignal(directory)]).toEqual([true, false]);
  });

  it('keeps the mark when the one in the directory is removed, as pg_rewind does', () => {
    markUnfinished(directory, 'pg_rewind');
    rmSync(join(directory, 'matriarch.unfinished'));
    expect(unfinishedWork(directory)).toBe('pg_rewind');
    clearUnfinished(directory);
    expect(unfinishedWork(directory)).toBeUndefined();
  });
});
