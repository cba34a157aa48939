import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { codeOf } from '#libs/kernel';
import { run } from '#libs/process';
import { processesIn } from '../../apps/cli/src/demo/instance-processes.ts';
import type { AgentHost } from '../../test/integration/agent/agent-host.ts';
import { BackupHosts } from '../../test/integration/rebuild/backup-hosts.ts';
import { RebuildRig } from '../../test/integration/rebuild/rebuild-rig.ts';
import { localTools, pushByWalG } from '../../test/integration/rebuild/rig-backups.ts';
import { until } from '../../test/integration/until.ts';
import { BENCH_SETTINGS, type Method } from './measured.ts';

const ROOT = join(import.meta.dirname, '../../..');
const BYTES_PER_MB = 1_048_576;
const STREAM_LIMIT_MS = 120_000;
const END_LIMIT_MS = 20_000;
const TABLE_ROW_BYTES = 1_024;
/** With its id and its header such a row has the size above. */
const TEXT_BYTES = 976;
const ARCHIVED_LIMIT_MS = 240_000;

/** As manuals advise for a primary that writes much: else the filling is waited for. */
const ARCHIVING = '[global:archive-push]\narchive-async=y\nprocess-max=2\ncompress-type=lz4\n';

/** A primary of some size and its standby, with real agents, guards and tools, and repositories beside them. */
export class BenchRig {
  readonly #path = process.env['PATH'] ?? '';
  #removed: Promise<void> | null = null;

  private constructor(
    readonly rig: RebuildRig,
    readonly backups: BackupHosts,
  ) {}

  /** Nothing runs yet that `remove` would not end. */
  static async make(method: Method): Promise<BenchRig> {
    const archive = method === 'pgbackrest' ? { archive: { tool: 'pgbackrest' as const } } : {};
    const rig = await RebuildRig.create({
      agentScript: join(ROOT, 'dist/bundle/apps/agent/src/main.js'),
      config: (directory, name) => ({
        ...configOf(method, directory, name),
        // The repository's host knows the first one as the primary; a rejoin needs two candidates.
        tags: { noFailover: method !== 'pg_rewind' && name === 'pg2' },
      }),
      definition: {
        parameters: BENCH_SETTINGS,
        pgHba: [
          ...['local all all trust', 'local replication all trust'],
          ...['host all barman 127.0.0.1/32 trust', 'host replication barman 127.0.0.1/32 trust'],
          'host all all 127.0.0.1/32 scram-sha-256',
        ],
        ...archive,
        rebuild: {
          methods: ['pg_rewind', 'basebackup'],
          automaticRebuild: 'whenSafe',
          inPlaceAlone: true,
          bandwidthBytesPerSecond: null,
        },
        bootstrap: {
          source: null,
          initdbOptions: [],
          sql: ['CREATE ROLE barman LOGIN SUPERUSER REPLICATION'],
        },
      },
    });
    return new BenchRig(rig, new BackupHosts(rig));
  }

  async start(method: Method): Promise<void> {
    const prepared = await this.backups.prepare(ARCHIVING);
    if (isLocal(method)) localTools.prepare(this.rig);
    process.env['PATH'] = `${prepared}:${this.#path}`;
    if (method === 'barman') await this.backups.startSsh();
    const [first] = this.rig.hosts;
    if (method === 'pgbackrest' && first !== undefined) await this.backups.startRepository(first);
    await this.rig.start();
    await this.rig.streaming(STREAM_LIMIT_MS);
    // Without a stanza every segment would fail, and the archiver then rests for a minute.
    if (method === 'pgbackrest') await this.backups.backUpRepository();
  }

  /**
   * Rows that compress badly, as a database's own do, and frozen: else vacuum and hint bits would write every page
   * anew after the backup, and a rebuild would replay that.
   */
  async fill(megabytes: number): Promise<void> {
    const { rig } = this;
    const rows = Math.round((megabytes * BYTES_PER_MB) / TABLE_ROW_BYTES);
    const chance =
      'openssl enc -aes-128-ctr -nosalt -pbkdf2 -pass pass:1 -in /dev/zero 2>/dev/null';
    const lines = `base64 -w ${TEXT_BYTES} | head -n ${rows}`;
    const program = `${chance} | ${lines} | awk '{ print NR "\\t" $0 }'`.replaceAll("'", "''");
    const columns = '(id bigint, what text) WITH (autovacuum_enabled = off)';
    const copy = `COPY filling FROM PROGRAM '${program}' (FREEZE)`;
    await rig.psql(rig.primary, `BEGIN; CREATE TABLE filling ${columns}; ${copy}; COMMIT`);
    await rig.psql(rig.primary, 'CHECKPOINT');
    await rig.streaming(STREAM_LIMIT_MS);
    // A backup waits for the segment that it ends in, and that for all before it.
    const waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
    await until(
      async () => (await rig.psql(rig.primary, waiting)).stdout.trim() === '0',
      ARCHIVED_LIMIT_MS,
    );
  }

  async backUp(method: Method): Promise<void> {
    if (method === 'pgbackrest') await this.backups.backUpRepository();
    if (method === 'walg') await pushByWalG(this.rig);
    if (method === 'barman') await this.backups.startBarman(this.rig.primary);
  }

  /** The tool's own command, as its manual has it, into a directory that is empty; until it ends. */
  async toolAlone(method: Method): Promise<number> {
    const { rig } = this;
    const directory = rig.owned('alone');
    const { primary } = rig;
    const argv = commandOf(method, directory, primary, rig.directory);
    const begunMs = performance.now();
    if (method === 'barman') await this.backups.barman(...argv);
    else await rig.asPostgres(argv, surroundingsOf(directory, primary, rig.directory));
    const tookMs = performance.now() - begunMs;
    // The leader of the rig lives in this process: it must go on renewing leases meanwhile.
    await run(['rm', '-rf', directory], { timeoutMs: STREAM_LIMIT_MS });
    return tookMs;
  }

  /** From the order until the instance streams and has been proved. */
  async ours(method: Exclude<Method, 'pg_rewind'>): Promise<number> {
    const { rig } = this;
    const begunMs = performance.now();
    const before = rig.order(rig.standby.name, method, true);
    const done = await rig.event('RebuildCompleted', before, STREAM_LIMIT_MS * 2);
    const tookMs = performance.now() - begunMs;
    if (done.method !== method) throw new Error(`built by ${done.method} instead of ${method}`);
    await rig.streaming(STREAM_LIMIT_MS);
    return tookMs;
  }

  /** The primary's host dies and comes back after the failover; from the start of its agent until it streams. */
  async rejoin(): Promise<number> {
    const { rig } = this;
    const old = rig.primary;
    const before = rig.leader.events.length;
    // What is written from here on stays here.
    for (const { pid, title } of old.processes.scan().processes) {
      if (title.includes('walsender')) process.kill(pid, 'SIGSTOP');
    }
    await rig.psql(old, 'INSERT INTO filling VALUES (-1, $$alone$$)');
    await old.end();
    await rig.event('FailoverCompleted', before, STREAM_LIMIT_MS);
    await rig.psql(rig.primary, 'INSERT INTO filling VALUES (-2, $$after$$)');
    const begunMs = performance.now();
    old.startAgent(rig.programs.agent);
    await until(() => {
      const report = rig.leader.report(old.name);
      return report?.postgres.kind === 'standby' && report.postgres.receiver?.streaming === true;
    }, STREAM_LIMIT_MS);
    const tookMs = performance.now() - begunMs;
    if (!old.log().includes('"rewound"')) throw new Error(`${old.name} was not rewound`);
    await rig.streaming(STREAM_LIMIT_MS);
    return tookMs;
  }

  /** Also in the middle of anything: what works in its directory ends, and the directory goes. */
  remove(): Promise<void> {
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  async #remove(): Promise<void> {
    const { directory } = this.rig;
    process.env['PATH'] = this.#path;
    this.backups.stop();
    // Tools first, which would write on; agents, guards and servers are the rig's to end.
    endAllIn(directory, (command) => !/\/main\.js |\/postgres /.test(command));
    await this.rig.remove();
    await until(() => endAllIn(directory, () => true) === 0, END_LIMIT_MS);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Tools and what they have started name it on their command lines. */
function endAllIn(directory: string, isMeant: (command: string) => boolean): number {
  const found = processesIn(directory).filter(({ command }) => isMeant(command));
  for (const { pid } of found) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }
  return found.length;
}

/** Programs beside the instances: the stand-in for WAL-G, and one of one's own. */
function isLocal(method: Method): boolean {
  return method === 'walg' || method === 'custom';
}

function configOf(method: Method, directory: string, name: string): Record<string, unknown> {
  const { config } = isLocal(method) ? localTools : { config: BackupHosts.agentConfig };
  return config(directory, name);
}

/** What our agent, or an environment file, would say to it. */
function surroundingsOf(
  directory: string,
  primary: AgentHost,
  rigDirectory: string,
): NodeJS.ProcessEnv {
  return {
    WALG_FILE_PREFIX: join(rigDirectory, 'walg'),
    MATRIARCH_SOURCE: `host=${primary.directory} port=${primary.port} user=postgres`,
    MATRIARCH_DATA_DIRECTORY: directory,
  };
}

function commandOf(
  method: Method,
  directory: string,
  primary: AgentHost,
  rigDirectory: string,
): readonly string[] {
  switch (method) {
    case 'basebackup':
      return [
        ...['pg_basebackup', '-h', primary.directory, '-p', String(primary.port)],
        ...['-D', directory, '-R', '--checkpoint=fast'],
      ];
    case 'pgbackrest':
      return [
        ...['pgbackrest', `--config=${join(rigDirectory, `pgbackrest-${primary.name}.conf`)}`],
        ...['--stanza=main', `--pg1-path=${directory}`, '--type=standby', 'restore'],
      ];
    case 'barman':
      return [
        ...['recover', '--remote-ssh-command', 'ssh postgres@db1'],
        ...['main', 'latest', directory],
      ];
    case 'walg':
      return [join(rigDirectory, 'wal-g'), 'backup-fetch', directory, 'LATEST'];
    case 'custom':
      return ['/bin/sh', join(rigDirectory, 'restore')];
    case 'pg_rewind':
      throw new Error('pg_rewind is measured as part of a rejoin');
  }
}
