import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcessesInDirectory } from '#libs/process';
import { DataDirectoryFiles } from './instance-files.ts';

describe('the files of a data directory', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'instance-files-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('leave nothing that would make a primary recover, whoever put it there', () => {
    const files = new DataDirectoryFiles(directory, new ProcessesInDirectory(directory));
    files.putStandbySignal();
    writeFileSync(join(directory, 'recovery.signal'), '');
    files.removeSignalFiles();
    expect(readdirSync(directory)).toEqual([]);
  });
});
