import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveWal, fetchWal } from './wal-transfer.ts';

const LIMIT_MS = 20_000;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mtf-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Holds `there`; answers 3 for what it does not hold, and 9 when it is asked for `broken`. */
const script = 'case $1 in there) printf %%s "$SAYS" >"$2" ;; broken) exit 9 ;; *) exit 3 ;; esac';
const program = {
  argv: ['sh', '-c', script, 'fetch', '%f', '%p'],
  environment: { SAYS: '100%' },
  missingExitCodes: [3],
};
const fetch = (file: string) =>
  fetchWal({}, program, { file, path: join(directory, file), timeoutMs: LIMIT_MS });

describe('fetchWal', () => {
  it('brings a file to the path, with the environment of the tool', async () => {
    expect(await fetch('there')).toBe(true);
    expect(readFileSync(join(directory, 'there'), 'utf8')).toBe('100%');
  });

  it('tells what is missing from an archive that fails', async () => {
    expect(await fetch('absent')).toBe(false);
    await expect(fetch('broken')).rejects.toThrow('9');
  });
});

describe('archiveWal', () => {
  it('gives the file to the tool, and says when the tool refuses it', async () => {
    const path = join(directory, 'segment');
    const transfer = { file: '000000010000000000000002', path, timeoutMs: LIMIT_MS };
    const put = (...argv: string[]) => archiveWal({}, { argv }, transfer);
    await put('sh', '-c', 'printf %%s "$1" >"$0"', '%p', 'to/%f');
    expect(readFileSync(path, 'utf8')).toBe('to/000000010000000000000002');
    await expect(put('sh', '-c', 'echo full >&2; exit 1')).rejects.toThrow('full');
  });
});
