import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import { archiveGetCommand, infoCommand, restoreCommand } from './pgbackrest.command.ts';
import { readInfo, restoreRatio } from './pgbackrest.output.ts';

const settings = {
  program: 'pgbackrest',
  stanza: 'main',
  config: '/etc/pgbackrest.conf',
  repository: 2,
  processes: 3,
};

/** Said by pgBackRest 2.45. */
function captured(name: string): string {
  return readFileSync(new URL(`captured/${name}.json`, import.meta.url), 'utf8');
}

describe('pgbackrest', () => {
  it('is asked and restored with what the file of the agent says', () => {
    expect(infoCommand(settings).slice(0, 4)).toEqual([
      'pgbackrest',
      '--config=/etc/pgbackrest.conf',
      '--stanza=main',
      '--repo=2',
    ]);
    const places = { dataDirectory: '/new', tablespaces: { ts1: '/ts/new' } };
    const argv = restoreCommand(settings, places, null);
    expect(argv).toContain('--pg1-path=/new');
    expect(argv).toContain('--tablespace-map=ts1=/ts/new');
    expect(argv).toContain('--process-max=3');
    expect(argv).toContain('--type=none');
    expect(argv.at(-1)).toBe('restore');
    const early = restoreCommand(settings, places, { kind: 'time', value: '2026-01-01' });
    expect(early).toEqual(expect.arrayContaining(['--type=time', '--target=2026-01-01']));
    expect(archiveGetCommand(settings).slice(-3)).toEqual(['archive-get', '%f', '%p']);
  });

  it('tells its repository, the 64 bits of the system identifier too', () => {
    expect(readInfo(captured('info'))).toEqual({
      status: { code: 0, lock: { backup: { held: false } }, message: 'ok' },
      systemIdentifier: '7712441439333129256',
      major: 15,
      latest: { label: '20261126-113149F', bytes: 112_687_296 },
      wal: { timeline: 1, lsn: parseLsn('0/7000000') },
    });
    expect(readInfo(captured('info-no-backup'))).toMatchObject({
      status: { message: 'no valid backups' },
      latest: null,
      wal: null,
    });
    expect(readInfo(captured('info-no-stanza'))).toMatchObject({
      status: { message: 'missing stanza path' },
      latest: null,
    });
    expect(readInfo('[]').status.message).toBe('no such stanza');
  });

  it('tells how far a restore is', () => {
    const line =
      '2026-11-26 11:31:58.703 P01 DETAIL: restore file /x/base/16388/16401 (64MB, 59.59%) checksum a';
    expect(restoreRatio(line)).toBeCloseTo(0.5959);
    expect(restoreRatio('P00   INFO: restore size = 107.5MB, file total = 1276')).toBeUndefined();
  });
});
