import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseLsn, timelineId } from '#libs/kernel';
import type { SourceRequest } from '../../rebuild-tool.ts';
import { WalgTool } from './walg.tool.ts';

const HISTORY = '1\\t0/875AEA0\\tno recovery target specified\\n';
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mtr-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** One backup of timeline 1; `fetch` is what `wal-fetch` does, with the file and where it goes. */
function toolWith(fetch: string): WalgTool {
  const program = join(directory, 'wal-g');
  const listed = '[{"backup_name":"base_1","wal_file_name":"000000010000000000000003"}]';
  const lines = ['#!/bin/sh', `[ "$1" = backup-list ] && echo '${listed}' && exit`, 'shift', fetch];
  writeFileSync(program, `${lines.join('\n')}\n`, { mode: 0o755 });
  const environmentFile = join(directory, 'env');
  writeFileSync(environmentFile, `WALG_FILE_PREFIX=${directory}\n`);
  return new WalgTool({ program, environmentFile, backup: 'LATEST' });
}

async function foundOf(fetch: string, timeline: number) {
  const expected = { systemIdentifier: null, timeline: timelineId(timeline) };
  const request = { installation: {}, expected } as unknown as SourceRequest;
  return toolWith(fetch).inspect(request);
}

async function reachOf(fetch: string, timeline: number) {
  return (await foundOf(fetch, timeline)).wal;
}

/** What `wal-show` says of timeline 1 from segment 1 to 8, and of 2 from 8 to 9. */
function showing(missing: readonly string[]): string {
  const one = { id: 1, start_segment: '000000010000000000000001', missing_segments: missing };
  const two = { id: 2, start_segment: '000000020000000000000008', missing_segments: null };
  const shown = [
    { ...one, end_segment: '000000010000000000000008' },
    { ...two, end_segment: '000000020000000000000009' },
  ];
  return `[ "$1" = --detailed-json ] && echo '${JSON.stringify(shown)}' && exit`;
}

describe('how far the archive of WAL-G goes', () => {
  it('is told by its backup on the timeline of the cluster', async () => {
    expect(await reachOf('exit 1', 1)).toEqual({ timeline: 1, lsn: parseLsn('0/4000000') });
  });

  it('is told by the archived history of a later one, which is not left lying about', async () => {
    const where = join(directory, 'where');
    const fetch = `[ "$1" = 00000002.history ] && printf '${HISTORY}' >"$2" && echo "$2" >${where}`;
    expect(await reachOf(fetch, 2)).toEqual({ timeline: 2, lsn: parseLsn('0/875AEA0') });
    const path = readFileSync(where, 'utf8').trim();
    expect(basename(path)).toBe('00000002.history');
    expect(existsSync(dirname(path))).toBe(false);
  });

  it('is that of the backup where nothing of a later one was archived, for want of its history', async () => {
    const wal = { timeline: 1, lsn: parseLsn('0/4000000') };
    expect(await foundOf('exit 74', 2)).toMatchObject({ wal, missing: '00000002.history' });
  });

  it('is to the end of what is there, or to the first segment that is missing', async () => {
    const history = `printf '${HISTORY}' >"$2"`;
    const whole = await foundOf(`${showing([])}\n${history}`, 2);
    expect(whole.wal).toEqual({ timeline: 2, lsn: parseLsn('0/A000000') });
    expect(whole.missing).toBeUndefined();
    // What is missing from before the backup is of no use to it.
    const missing = '000000010000000000000006';
    const gap = `${showing(['000000010000000000000007', missing, '000000010000000000000002'])}\n${history}`;
    const wal = { timeline: 1, lsn: parseLsn('0/6000000') };
    expect(await foundOf(gap, 2)).toMatchObject({ wal, missing });
    expect(await foundOf(gap, 1)).toMatchObject({ wal, missing });
  });

  it('is unknown where the archive does not answer', async () => {
    await expect(reachOf('echo "no route to host" >&2; exit 1', 2)).rejects.toMatchObject({
      code: 'BACKUP_SOURCE',
      message: expect.stringContaining('no route to host'),
    });
  });
});
