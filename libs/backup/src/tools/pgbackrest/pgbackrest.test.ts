import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import { archiveGetCommand, infoCommand, restoreCommand } from './pgbackrest.command.ts';
import { backupFor, readInfo, readShownTablespaces, restoreRatio } from './pgbackrest.output.ts';

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
    const argv = restoreCommand(settings, places, '20261126-113149F');
    expect(argv).toContain('--pg1-path=/new');
    expect(argv).toContain('--tablespace-map=ts1=/ts/new');
    expect(argv).toContain('--process-max=3');
    expect(argv).toEqual(expect.arrayContaining(['--set=20261126-113149F', '--type=none']));
    expect(argv).toContain('--protocol-timeout=90');
    expect(argv.at(-1)).toBe('restore');
    expect(archiveGetCommand(settings).slice(-3)).toEqual(['archive-get', '%f', '%p']);
    expect(archiveGetCommand(settings)).toContain('--protocol-timeout=90');
  });

  it('tells its repository, the 64 bits of the system identifier too', () => {
    expect(readInfo(captured('info'))).toEqual({
      status: { code: 0, lock: { backup: { held: false } }, message: 'ok' },
      systemIdentifier: '7712441439333129256',
      major: 15,
      backups: [
        {
          label: '20261126-113149F',
          bytes: 112_687_296,
          stoppedAtMs: 1_795_692_716_000,
          stopLsn: parseLsn('0/6000100'),
        },
      ],
      wal: { timeline: 1, lsn: parseLsn('0/7000000') },
    });
    expect(readInfo(captured('info-no-backup'))).toMatchObject({
      status: { message: 'no valid backups' },
      backups: [],
      wal: null,
    });
    expect(readInfo(captured('info-no-stanza'))).toMatchObject({
      status: { message: 'missing stanza path' },
      backups: [],
    });
    expect(readInfo('[]').status.message).toBe('no such stanza');
  });

  it('tells tablespaces also where it is too old to tell a program', () => {
    const shown = [
      '        full backup: 20261126-184217F',
      '            database list: postgres (13726)',
      '            tablespaces:',
      '                ts1 (16384) => /srv/ts 1',
      '                far away (16385) => /srv/far',
      '            symlinks:',
      '                pg_wal => /srv/wal',
    ].join('\n');
    expect(readShownTablespaces(shown)).toEqual([
      { name: 'ts1', location: '/srv/ts 1' },
      { name: 'far away', location: '/srv/far' },
    ]);
    expect(readShownTablespaces('stanza: main\n    status: ok\n')).toEqual([]);
  });

  describe('chooses for a target', () => {
    const at = (label: string, seconds: number, lsn: string) => ({
      ...{ label, bytes: 1, stoppedAtMs: Date.UTC(2026, 10, 26, 12, 0, seconds) },
      stopLsn: parseLsn(lsn),
    });
    const backups = [at('one', 5, '0/5000100'), at('two', 9, '0/9000100')];
    const chosen = (kind: 'time' | 'lsn' | 'name' | 'xid', value: string) =>
      backupFor(backups, { kind, value });

    it.each([
      ['time', '2026-11-26 12:00:20+00', 'two'],
      ['time', '2026-11-26 12:00:08.7+00', 'one'],
      // Whether it had ended by then is not known, and an earlier one surely had.
      ['time', '2026-11-26 12:00:09.9+00', 'one'],
      ['time', '2026-11-26 12:00:05.2+00', 'one'],
      ['time', 'what only PostgreSQL understands', 'two'],
      ['lsn', '0/9000100', 'two'],
      ['lsn', '0/9000000', 'one'],
      ['name', 'here', 'two'],
      ['xid', '77', 'two'],
    ] as const)('by %s %s backup %s', (kind, value, label) => {
      expect(chosen(kind, value)).toMatchObject({ label });
    });

    it('none that ended later, and names the oldest', () => {
      expect(chosen('time', '2026-11-26 12:00:04.9+00')).toEqual({
        why:
          'no backup ended before the target (time 2026-11-26 12:00:04.9+00): the oldest, one, ended ' +
          'at 2026-11-26T12:00:05Z; name a later target',
      });
      expect(chosen('lsn', '0/5000000')).toMatchObject({
        why: expect.stringContaining('0/5000100'),
      });
    });
  });

  it('tells how far a restore is', () => {
    const line =
      '2026-11-26 11:31:58.703 P01 DETAIL: restore file /x/base/16388/16401 (64MB, 59.59%) checksum a';
    expect(restoreRatio(line)).toBeCloseTo(0.5959);
    expect(restoreRatio('P00   INFO: restore size = 107.5MB, file total = 1276')).toBeUndefined();
  });
});
