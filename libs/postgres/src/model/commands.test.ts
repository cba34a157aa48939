import { describe, expect, it } from 'vitest';
import { baseBackupArgv, parseCopyProgress } from './base-backup-command.ts';
import { CONTROL_DATA_15 } from './control-data.fixture.ts';
import { canBeRewound, controlledLsn, parseControlData } from './control-data.ts';
import { initdbArgv } from './initdb-command.ts';
import { rewindArgv, rewindVerdict } from './rewind-command.ts';

const source = { host: 'pg1', port: '5432', user: 'rep', dbname: 'postgres' };
const SOURCE = "host='pg1' port='5432' user='rep' dbname='postgres'";

describe('commands', () => {
  it('initdb turns checksums on and shows no password', () => {
    const argv = initdbArgv({
      binDirectory: '/bin',
      dataDirectory: '/d',
      superuser: 'postgres',
      passwordFile: '/run/pw',
    });
    expect(argv).toContain('--data-checksums');
    expect(argv).toContain('--pwfile=/run/pw');
    expect(argv[0]).toBe('/bin/initdb');
  });

  it('pg_basebackup does not wait for a spread checkpoint', () => {
    const argv = baseBackupArgv({
      binDirectory: '/bin',
      source,
      targetDirectory: '/d.clone',
      slotName: 'pg2',
      tablespaceMapping: { '/a=b': '/c' },
    });
    expect(argv).toEqual(
      expect.arrayContaining([
        `--dbname=${SOURCE}`,
        '--checkpoint=fast',
        '--wal-method=stream',
        '--slot=pg2',
        '--tablespace-mapping=/a\\=b=/c',
        '--no-password',
      ]),
    );
  });

  it.each([
    { major: 12, restores: false },
    { major: 13, restores: true },
  ])('pg_rewind $major restores target WAL: $restores', ({ major, restores }) => {
    const argv = rewindArgv({
      binDirectory: '/bin',
      version: { major, minor: 0 },
      dataDirectory: '/d',
      source,
      restoreTargetWal: true,
    });
    expect(argv.includes('--restore-target-wal')).toBe(restores);
  });

  it('tells "no rewind required" from a rewind (safety 17)', () => {
    const same = 'pg_rewind: source and target cluster are on the same timeline\n';
    expect(rewindVerdict(`${same}pg_rewind: no rewind required\n`)).toBe('not-required');
    expect(rewindVerdict('pg_rewind: Done!\n')).toBe('rewound');
  });

  it.each([
    { line: '23712/31714 kB (74%), 0/1 tablespace', done: 23_712, total: 31_714 },
    { line: ' 1024/ 4096 kB (25%) copied', done: 1_024, total: 4_096 },
  ])('reads progress from $line', ({ line, done, total }) => {
    const expected = { doneBytes: done * 1_024, totalBytes: total * 1_024 };
    expect(parseCopyProgress(line)).toEqual(expected);
  });

  it('takes other lines for no progress', () => {
    expect(parseCopyProgress('waiting for checkpoint')).toBeUndefined();
  });
});

describe('pg_controldata', () => {
  it('is read', () => {
    const control = parseControlData(CONTROL_DATA_15);
    expect(control).toMatchObject({
      state: 'in archive recovery',
      checkpointTimeline: 1,
      minRecoveryTimeline: 1,
      dataChecksums: true,
      walLogHints: false,
      walSegmentBytes: 16_777_216,
      walLevel: 'replica',
      standbyMinimums: { max_connections: 20, max_wal_senders: 10 },
    });
    expect(canBeRewound(control)).toBe(true);
    expect(controlledLsn(control)).toBe(control.minRecoveryLsn);
  });

  it.each([
    { line: /^Database cluster state:.*\n/m },
    { line: /^Bytes per WAL segment:.*\n/m },
    { line: /^Latest checkpoint location:.*\n/m },
  ])('is refused without $line', ({ line }) => {
    expect(() => parseControlData(CONTROL_DATA_15.replace(line, ''))).toThrow(
      'pg_controldata gives',
    );
  });
});
