import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import {
  recoverCommand,
  showBackupCommand,
  walArchiveCommand,
  walRestoreCommand,
} from './barman.command.ts';
import { readBackupList, readShownBackup, readSystemIdentifier } from './barman.output.ts';

const remote = {
  server: 'main',
  host: '10.0.0.21',
  user: 'barman',
  ssh: ['ssh', '-o', 'BatchMode=yes'],
  remoteSshCommand: 'ssh postgres@10.0.0.11',
  program: ['barman'],
  walRestoreProgram: 'barman-wal-restore',
  walArchiveProgram: 'barman-wal-archive',
  backup: 'latest',
  api: null,
};
const local = { ...remote, host: null, remoteSshCommand: null };

describe('barman', () => {
  it('runs on its own host, over SSH, with one quoted command line', () => {
    expect(showBackupCommand(remote)).toEqual([
      'ssh',
      '-o',
      'BatchMode=yes',
      '-o',
      'ServerAliveInterval=15',
      '-o',
      'ServerAliveCountMax=4',
      'barman@10.0.0.21',
      'barman -f json show-backup main latest',
    ]);
    const places = { dataDirectory: '/var/lib/new', tablespaces: { ts1: '/srv/ts 1' } };
    expect(recoverCommand(remote, places, '20261126T113225').at(-1)).toBe(
      "barman recover --get-wal --remote-ssh-command 'ssh -o BatchMode=yes postgres@10.0.0.11' " +
        "--tablespace 'ts1:/srv/ts 1' main 20261126T113225 /var/lib/new",
    );
  });

  it('copies on a terminal that hangs up with us, so that nobody copies on', () => {
    const argv = recoverCommand(remote, { dataDirectory: '/new', tablespaces: {} }, 'x');
    expect(argv.indexOf('-tt')).toBeGreaterThan(0);
    expect(argv.indexOf('-tt')).toBeLessThan(argv.indexOf('barman@10.0.0.21'));
    expect(showBackupCommand(remote)).not.toContain('-tt');
  });

  it('runs here when it is here', () => {
    expect(showBackupCommand(local)[0]).toBe('barman');
    expect(recoverCommand(local, { dataDirectory: '/new', tablespaces: {} }, 'x')).not.toContain(
      '--remote-ssh-command',
    );
  });

  it('fetches and archives WAL with the programs of barman-cli', () => {
    expect(walRestoreCommand(remote)).toEqual([
      'barman-wal-restore',
      '--user',
      'barman',
      '10.0.0.21',
      'main',
      '%f',
      '%p',
    ]);
    expect(walArchiveCommand(remote).at(-1)).toBe('%p');
    expect(walRestoreCommand(local)).toContain('get-wal');
    expect(walArchiveCommand(local)).toContain('put-wal');
  });

  it('tells a backup, as Barman 3.4 shows it', () => {
    const json = readFileSync(new URL('captured/show-backup.json', import.meta.url), 'utf8');
    expect(readShownBackup(json, 'main')).toMatchObject({
      kind: 'backup',
      backup: {
        id: '20261126T113225',
        major: 15,
        bytes: 112_870_458,
        tablespaces: [{ name: 'ts1', location: '/var/lib/postgresql/15/ts1' }],
        wal: { timeline: 1, lsn: parseLsn('0/A000000') },
        endLsn: parseLsn('0/A000000'),
      },
    });
  });

  it('reads which database it is of where only the text says so', () => {
    const text =
      'Backup 20261126T113225:\n  Server Name            : main\n  System Id              : 7576\n';
    expect(readSystemIdentifier(text)).toBe('7576');
    expect(readSystemIdentifier('Backup 20261126T113225:\n')).toBeNull();
  });

  it.each([
    [`{"_ERROR": ["Unknown server 'main'"]}`, "Unknown server 'main'"],
    ['{"main": {"backup_id": "1", "status": "FAILED"}}', 'FAILED'],
    ['{"main": {"backup_id": "1", "status": "WAITING_FOR_WALS"}}', 'barman check-backup main'],
    ['{}', 'no answer about server main'],
  ])('says why there is none: %s', (json, why) => {
    const shown = readShownBackup(json, 'main');
    expect(shown.kind === 'none' && shown.why).toContain(why);
  });

  it('lists the whole ones', () => {
    const json =
      '{"main": [{"backup_id": "2", "status": "FAILED"}, ' +
      '{"backup_id": "1", "status": "DONE", "end_time_timestamp": "1795692749"}]}';
    expect(readBackupList(json, 'main')).toEqual([{ id: '1', endedAtMs: 1_795_692_749_000 }]);
  });
});
