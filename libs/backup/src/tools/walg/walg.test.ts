import { describe, expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import { fetchCommand, restoreSpec, walgEnvironment } from './walg.command.ts';
import { readBackups, readEnvironmentFile } from './walg.output.ts';

/** The form that WAL-G's documentation gives for `backup-list --json --detail`. */
const LIST = `[{"backup_name":"base_000000010000000000000004","time":"2026-05-04T10:00:00Z",
"wal_file_name":"000000010000000000000004","start_time":"2026-05-04T09:59:00Z",
"finish_time":"2026-05-04T10:00:00Z","hostname":"db1","data_dir":"/var/lib/postgresql/15/main",
"pg_version":150018,"start_lsn":67108904,"finish_lsn":67109160,"is_permanent":false,
"system_identifier":7712441439333129256,"uncompressed_size":26214400,"compressed_size":4194304}]`;

const settings = { program: 'wal-g', environmentFile: '/etc/wal-g.env', backup: 'LATEST' };

describe('wal-g', () => {
  it('tells its backups', () => {
    expect(readBackups(LIST)).toEqual([
      {
        name: 'base_000000010000000000000004',
        endedAtMs: Date.parse('2026-05-04T10:00:00Z'),
        endLsn: parseLsn('0/4000128'),
        systemIdentifier: '7712441439333129256',
        major: 15,
        bytes: 26_214_400,
        wal: { timeline: 1, lsn: parseLsn('0/5000000') },
        tablespaces: [],
      },
    ]);
  });

  it('takes its environment from a file, and its limit with it', () => {
    const text = '# keys\nAWS_REGION=eu-1\nexport WALG_S3_PREFIX="s3://a b"\n\nnonsense\n';
    const file = readEnvironmentFile(text);
    expect(file).toEqual({ AWS_REGION: 'eu-1', WALG_S3_PREFIX: 's3://a b' });
    expect(walgEnvironment(file, 1_000)).toMatchObject({ WALG_NETWORK_RATE_LIMIT: '1000' });
    expect(walgEnvironment(file, null)).toBe(file);
  });

  it('fetches into a directory, tablespaces by a specification', () => {
    expect(fetchCommand(settings, '/new', 'LATEST', null)).toEqual([
      'wal-g',
      'backup-fetch',
      '/new',
      'LATEST',
    ]);
    expect(fetchCommand(settings, '/new', 'b', '/new.spec')).toContain('--restore-spec');
    expect(JSON.parse(restoreSpec('/new', [{ oid: '16400', location: '/ts' }]))).toEqual({
      '16400': { loc: '/ts', link: 'pg_tblspc/16400' },
      base_prefix: '/new',
      tablespaces: ['16400'],
    });
  });
});
