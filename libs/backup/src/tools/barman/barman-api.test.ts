import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseLsn } from '#libs/kernel';
import { CopyPlaces } from '#libs/postgres-run';
import type { CopyRequest } from '../../rebuild-tool.ts';
import type { BarmanApiSettings } from '../../settings.ts';
import { PgBackupApiStandIn, type StandInOptions } from '../../testing/pg-backup-api-stand-in.ts';
import { BarmanApiTool } from './barman-api.tool.ts';

const WAIT = { timeout: 20_000, interval: 10 };
const settings = {
  server: 'main',
  host: 'backup1',
  user: 'barman',
  ssh: ['ssh'],
  remoteSshCommand: 'ssh postgres@db1',
  program: ['barman'],
  walRestoreProgram: 'barman-wal-restore',
  walArchiveProgram: 'barman-wal-archive',
  backup: 'latest',
};
const whole = {
  status: 'DONE',
  version: 150_018,
  systemid: '7576',
  size: 4_096,
  tablespaces: null,
  begin_wal: '000000010000000000000008',
  end_wal: '000000010000000000000008',
  end_time: '2026-11-26T11:32:29.052561+00:00',
};
const backups = {
  '20261126T113225': whole,
  '20261125T113225': { ...whole, end_time: '2026-11-25T11:32:29.052561+00:00' },
  '20261126T120000': { status: 'FAILED', version: null, systemid: null, end_time: null },
};
const wals = {
  last_archived_wal_per_timeline: { '00000001': { name: '000000010000000000000009', size: 1 } },
};

function diagnosis(more: Record<string, unknown> = backups, config = {}): string {
  const global = { config: { barman_home: '/var/lib/barman' } };
  return JSON.stringify({ global, servers: { main: { config, backups: more, wals } } });
}

let root: string;
let standIn: PgBackupApiStandIn | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mtr-'));
});

afterEach(async () => {
  await standIn?.close();
  standIn = undefined;
  rmSync(root, { recursive: true, force: true });
});

/** As Barman pushes: into a directory that it makes. */
function pushed(argv: readonly string[]) {
  const to = argv[2] ?? '';
  mkdirSync(join(to, 'base'), { recursive: true });
  writeFileSync(join(to, 'PG_VERSION'), '15\n');
  writeFileSync(join(to, '.hidden'), '');
  return Promise.resolve({ exitCode: 0, output: 'Your PostgreSQL server has been prepared' });
}

async function listening(change: Partial<StandInOptions> = {}): Promise<PgBackupApiStandIn> {
  const diagnose = () => Promise.resolve(diagnosis());
  standIn = await PgBackupApiStandIn.listen({ diagnose, recover: pushed, ...change });
  return standIn;
}

function toolAt(url: string, change: Partial<BarmanApiSettings & { backup: string }> = {}) {
  const { backup = 'latest', ...of } = change;
  const api = { url, ca: null, client: null, ...of };
  return new BarmanApiTool({ ...settings, backup, api }, api);
}

async function copyRequest(change: Partial<CopyRequest> = {}): Promise<CopyRequest> {
  const dataDirectory = join(root, 'main');
  const places = new CopyPlaces({ dataDirectory, walDirectory: null, tablespaces: [] });
  await places.prepare();
  const signal = new AbortController().signal;
  const request = {
    places,
    target: null,
    expectedBytes: null,
    signal,
    onProgress: () => undefined,
  };
  return { ...request, ...change } as unknown as CopyRequest;
}

describe('the source of pg-backup-api', () => {
  it('is the newest whole backup, and how far WAL is archived', async () => {
    const { url } = await listening();
    expect(await toolAt(url).inspect()).toMatchObject({
      source: `backup 20261126T113225 of server main by ${url}`,
      systemIdentifier: '7576',
      major: 15,
      // Two segments of WAL come along.
      bytes: 4_096 + 2 * 16 * 1_048_576,
      wal: { timeline: 1, lsn: parseLsn('0/A000000') },
      objections: [],
    });
    expect(await toolAt(`${url}/`, { backup: 'oldest' }).inspect()).toMatchObject({
      source: expect.stringContaining('20261125T113225'),
    });
  });

  it('is as large as the backup where Barman leaves out WAL, and counts no WAL of a later timeline', async () => {
    const getWal = diagnosis(backups, { recovery_options: ['get-wal'] });
    const { url } = await listening({ diagnose: () => Promise.resolve(getWal) });
    expect(await toolAt(url).inspect()).toMatchObject({ bytes: 4_096 });
    await standIn?.close();
    const earlier = { ...whole, begin_wal: '000000020000000000000008', end_wal: null };
    const found = diagnosis({ '20261126T113225': earlier });
    const other = await listening({ diagnose: () => Promise.resolve(found) });
    expect(await toolAt(other.url).inspect()).toMatchObject({ bytes: 4_096 });
  });

  it('refuses what names nothing that is there, with what there is', async () => {
    const { url } = await listening();
    const absent = toolAt(url, { backup: '20200101T000000' }).inspect();
    await expect(absent).rejects.toMatchObject({
      code: 'BACKUP_SOURCE',
      message: expect.stringMatching(
        /no whole backup '20200101T000000'.*20261126T113225, 20261125/,
      ),
    });
  });

  it.each([
    ['{"servers": {"other": {}}}', /no server 'main' \(backup.barman.server\): other/],
    [diagnosis({}), /there is no whole backup$/],
    [
      diagnosis({ '1': { status: 'WAITING_FOR_WALS' } }),
      /no whole backup; backup 1 is WAITING_FOR_WALS.*barman check-backup main/,
    ],
  ])('says why it has none: %s', async (text, why) => {
    const { url } = await listening({ diagnose: () => Promise.resolve(text) });
    await expect(toolAt(url).inspect()).rejects.toThrow(why);
  });

  it('refuses tablespaces before anything is copied: Barman would overwrite those of this host', async () => {
    const placed = { ...whole, tablespaces: [['ts1', 16_400, '/srv/ts1']] };
    const there = await listening({
      diagnose: () => Promise.resolve(diagnosis({ '20261126T113225': placed })),
    });
    const { objections } = await toolAt(there.url).inspect();
    expect(objections.join()).toMatch(/ts1 at \/srv\/ts1.*leave out backup.barman.api/);
    await expect(toolAt(there.url).copy(await copyRequest())).rejects.toThrow(/ts1/);
    expect(there.recoveries).toEqual([]);
  });

  it('says that it cannot be reached, or what stands before it', async () => {
    const there = await listening();
    const { url } = there;
    there.awayStatus = 503;
    await expect(toolAt(url).inspect()).rejects.toThrow(
      `pg-backup-api at ${url} answers GET /status with 503: Service Unavailable`,
    );
    await there.close();
    standIn = undefined;
    await expect(toolAt(url).inspect()).rejects.toMatchObject({
      code: 'BACKUP_SOURCE',
      message: expect.stringMatching(/does not answer: .*ECONNREFUSED/),
    });
  });

  it('proves itself by a certificate of its authority, and takes ours', async () => {
    const [key, cert] = [join(root, 'key'), join(root, 'cert')];
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const names = ['-subj', '/CN=barman', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-nodes', '-days', '2', '-keyout', key, '-out', cert];
    execFileSync('openssl', [...made, ...names, ...files], { stdio: 'ignore' });
    const pem = { key: readFileSync(key), cert: readFileSync(cert), ca: readFileSync(cert) };
    const { url } = await listening({ tls: { ...pem, requestCert: true } });
    const client = { certificate: cert, key };
    expect((await toolAt(url, { ca: cert, client }).inspect()).major).toBe(15);
    await expect(toolAt(url, { client }).inspect()).rejects.toThrow(/self-signed/);
    await expect(toolAt(url, { ca: cert }).inspect()).rejects.toThrow(/does not answer/);
    const absent = toolAt(url, { ca: join(root, 'no') }).inspect();
    await expect(absent).rejects.toThrow(/backup.barman.api.ca is .*no, which cannot be read/);
  });
});

describe('a recovery by pg-backup-api', () => {
  it('is of one backup, into a directory of its own whose content is the copy', async () => {
    const there = await listening();
    const request = await copyRequest();
    await toolAt(there.url).copy(request);
    const { dataDirectory } = request.places;
    expect(there.recoveries).toEqual([
      [
        'main',
        '20261126T113225',
        expect.stringMatching(new RegExp(`^${dataDirectory}/barman-[0-9a-f-]{36}/data$`)),
        '--remote-ssh-command',
        'ssh -o BatchMode=yes postgres@db1',
      ],
    ]);
    expect(readdirSync(dataDirectory).sort()).toEqual(['.hidden', 'PG_VERSION', 'base']);
  });

  it('takes the newest backup that ended before a target in time', async () => {
    const there = await listening();
    const target = { kind: 'time', value: '2026-11-26 00:00:00+00' } as const;
    await toolAt(there.url).copy(await copyRequest({ target }));
    expect(there.recoveries[0]?.[1]).toBe('20261125T113225');
    const early = { kind: 'time', value: '2026-01-01 00:00:00+00' } as const;
    const none = toolAt(there.url).copy(await copyRequest({ target: early }));
    await expect(none).rejects.toThrow(/no whole backup ended before 2026-01-01/);
  });

  it('says where its output is when it failed', async () => {
    const output = 'ERROR: No space left on device';
    const { url } = await listening({ recover: () => Promise.resolve({ exitCode: 1, output }) });
    await expect(toolAt(url).copy(await copyRequest())).rejects.toMatchObject({
      code: 'BACKUP_SOURCE',
      message: expect.stringMatching(
        /20261126T113200 of backup 20261126T113225 failed.*\/var\/lib\/barman\/main\/output\/20261126T113200.json/,
      ),
    });
  });

  it('goes on while the API is away, and fails when it has forgotten the operation', async () => {
    let finish: () => void = () => undefined;
    const there = await listening({
      recover: async (argv) => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return pushed(argv);
      },
    });
    const copied = toolAt(there.url).copy(await copyRequest());
    await vi.waitUntil(() => there.polls > 0, WAIT);
    there.awayStatus = 502;
    await vi.waitUntil(() => there.refused > 0, WAIT);
    there.awayStatus = null;
    finish();
    await copied;

    const lost = toolAt(there.url).copy(await copyRequest());
    const failed = expect(lost).rejects.toThrow(/with 404: 404 Not Found: Resource not found/);
    const { polls } = there;
    await vi.waitUntil(() => there.polls > polls, WAIT);
    there.forgetOperations();
    await failed;
  });

  it('is cancelled by ending what it writes with here, and returns when Barman has ended', async () => {
    let ended = false;
    const there = await listening({
      recover: async (argv) => {
        // What sshd starts here for Barman: it lives as long as its input.
        const cwd = argv[2] ?? '';
        mkdirSync(cwd, { recursive: true });
        const words = ['-c', 'echo ready; read -r line', 'rsync', '--server', '-s'];
        const receiver = spawn('sh', words, { cwd });
        await once(receiver.stdout, 'data');
        writeFileSync(join(cwd, 'PG_VERSION'), '15\n');
        const [, killedBy] = (await once(receiver, 'exit')) as [number | null, string | null];
        ended = true;
        return { exitCode: killedBy === null ? 0 : 1, output: 'ERROR: rsync error' };
      },
    });
    const abort = new AbortController();
    const request = await copyRequest({ signal: abort.signal });
    const copied = toolAt(there.url).copy(request);
    const failed = expect(copied).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitUntil(() => existsSync(join(there.recoveries[0]?.[2] ?? '', 'PG_VERSION')), WAIT);
    abort.abort();
    await failed;
    expect(ended).toBe(true);
  });
});
