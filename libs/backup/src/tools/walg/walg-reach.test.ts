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

async function reachOf(fetch: string, timeline: number) {
  const expected = { systemIdentifier: null, timeline: timelineId(timeline) };
  const request = { installation: {}, expected } as unknown as SourceRequest;
  return (await toolWith(fetch).inspect(request)).wal;
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

  it('is that of the backup where nothing of a later one was archived', async () => {
    expect(await reachOf('exit 74', 2)).toMatchObject({ timeline: 1 });
  });

  it('is unknown where the archive does not answer', async () => {
    await expect(reachOf('echo "no route to host" >&2; exit 1', 2)).rejects.toMatchObject({
      code: 'BACKUP_SOURCE',
      message: expect.stringContaining('no route to host'),
    });
  });
});
