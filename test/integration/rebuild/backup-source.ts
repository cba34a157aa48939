import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  BarmanSettings,
  CopyRequest,
  CustomSettings,
  PgbackrestSettings,
  RebuildTool,
  ServerAccess,
  SourceRequest,
  WalgSettings,
} from '#libs/backup';
import type { RecoveryTarget } from '#libs/cluster';
import { timelineId } from '#libs/kernel';
import { CopyPlaces, type Installation, readControlData } from '#libs/postgres-run';
import { type RunResult, run } from '#libs/process';
import { eventually, LocalCluster, type LocalInstance } from '../postgres/local-instance.ts';
import { POSTGRES_BIN } from '../postgres-binaries.ts';

const TOOL_LIMIT_MS = 120_000;
const ARCHIVED_LIMIT_MS = 60_000;

/** One PostgreSQL that nobody of ours keeps, with repositories of every backup tool beside it. */
export class BackupSource {
  primary!: LocalInstance;
  #receiver: ChildProcess | null = null;

  private constructor(readonly cluster: LocalCluster) {}

  static async make(): Promise<BackupSource> {
    const source = new BackupSource(await LocalCluster.make());
    const push = `pgbackrest --config=${source.path('pgbackrest.conf')} --stanza=main archive-push %p`;
    const walgPush = `WALG_FILE_PREFIX=${source.path('walg')} ${source.path('wal-g')} wal-push %p`;
    source.#programs();
    source.primary = await source.cluster.primary('source', {
      archive_mode: 'on',
      archive_command: `${push} && PATH=${POSTGRES_BIN}:$PATH ${walgPush}`,
      wal_keep_size: '32MB',
    });
    source.#pgbackrestConf();
    await source.pgbackrest('stanza-create');
    await source.primary.sql('CREATE TABLE t (what text)');
    return source;
  }

  get installation(): Installation {
    return this.cluster.installation;
  }

  path(...names: string[]): string {
    return join(this.cluster.directory, ...names);
  }

  owned(name: string): string {
    const directory = this.path(name);
    mkdirSync(directory, { recursive: true });
    const { runAs } = this.installation;
    if (runAs !== undefined) chownSync(directory, runAs.uid, runAs.gid);
    return directory;
  }

  as(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
    const { runAs } = this.installation;
    const PATH = `${POSTGRES_BIN}:${process.env['PATH'] ?? ''}`;
    return run(argv, {
      timeoutMs: TOOL_LIMIT_MS,
      env: { ...process.env, LC_ALL: 'C', PATH, ...env },
      ...(runAs === undefined ? {} : { runAs }),
    });
  }

  async insert(what: string): Promise<void> {
    await this.primary.sql(`INSERT INTO t VALUES ('${what}')`);
  }

  /** Inserts the row `last`; resolves with the moment after it, as each kind of target names it. */
  async keptUntilHere(): Promise<Record<RecoveryTarget['kind'], string>> {
    const one = async (sql: string) => String(await this.primary.sql(sql));
    const xid = await one(
      "WITH one AS (INSERT INTO t VALUES ('last') RETURNING 1) SELECT txid_current()::text FROM one",
    );
    await one("SELECT pg_create_restore_point('here')");
    return {
      name: 'here',
      xid,
      lsn: await one('SELECT pg_current_wal_lsn()::text'),
      time: await one('SELECT clock_timestamp()::text'),
    };
  }

  /** Ends the present segment; resolves with its name when it is in the archive. */
  async archived(): Promise<string> {
    const segment = String(await this.primary.sql('SELECT pg_walfile_name(pg_switch_wal())'));
    await eventually(`${segment} is archived`, ARCHIVED_LIMIT_MS, async () => {
      const last = await this.primary.sql('SELECT last_archived_wal FROM pg_stat_archiver');
      return typeof last === 'string' && last >= segment;
    });
    return segment;
  }

  pgbackrest(...words: string[]): Promise<RunResult> {
    const config = `--config=${this.pgbackrestSettings.config}`;
    return this.as(['pgbackrest', config, '--stanza=main', ...words]);
  }

  get pgbackrestSettings(): PgbackrestSettings {
    const config = this.path('pgbackrest.conf');
    return { program: 'pgbackrest', stanza: 'main', config, repository: null, processes: null };
  }

  async walgBackup(): Promise<void> {
    await this.as([this.path('wal-g'), 'backup-push', this.primary.dataDirectory], {
      WALG_FILE_PREFIX: this.path('walg'),
      PGHOST: this.cluster.directory,
      PGPORT: String(this.primary.port),
      PGUSER: 'postgres',
    });
  }

  get walgSettings(): WalgSettings {
    const environmentFile = this.path('wal-g.env');
    return { program: this.path('wal-g'), environmentFile, backup: 'LATEST' };
  }

  get customSettings(): CustomSettings {
    const restore = ['bash', this.path('restore-by-basebackup')];
    return { restore, check: null, fetchWal: null, archiveWal: null };
  }

  /** Barman on this host, receiving WAL by streaming and copying with pg_basebackup. */
  async startBarman(): Promise<void> {
    const { directory } = this.cluster;
    const conninfo = `host=${directory} port=${this.primary.port} user=postgres`;
    writeFileSync(
      this.path('barman.conf'),
      `[barman]\nbarman_user = ${this.installation.runAs === undefined ? process.env['USER'] : 'postgres'}\n` +
        `barman_home = ${this.owned('barman')}\nbarman_lock_directory = ${this.owned('barman-lock')}\n` +
        `log_file = ${this.path('barman', 'log')}\nconfiguration_files_directory = ${this.owned('barman.d')}\n` +
        `[main]\ndescription = source\nconninfo = ${conninfo} dbname=postgres\n` +
        `streaming_conninfo = ${conninfo}\nbackup_method = postgres\nstreaming_archiver = on\n` +
        `slot_name = barman\npath_prefix = ${POSTGRES_BIN}\nminimum_redundancy = 0\n`,
    );
    await this.barman('receive-wal', '--create-slot', 'main');
    const [program = '', ...words] = [...this.barmanSettings.program, 'receive-wal', 'main'];
    const { runAs } = this.installation;
    this.#receiver = spawn(program, words, {
      stdio: 'ignore',
      cwd: '/',
      detached: true,
      ...(runAs === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }),
    });
  }

  barman(...words: string[]): Promise<RunResult> {
    return this.as([...this.barmanSettings.program, ...words]);
  }

  /** A whole backup with the WAL that it needs in Barman's own archive. */
  async barmanBackup(): Promise<void> {
    await eventually('Barman receives WAL', ARCHIVED_LIMIT_MS, async () => {
      const active = `SELECT active FROM pg_replication_slots WHERE slot_name = 'barman'`;
      return (await this.primary.sql(active)) === true;
    });
    await this.barmanArchived();
    await this.barman('backup', 'main');
    await this.barmanArchived();
    await this.barman('check-backup', 'main', 'latest');
  }

  /** All that was written so far is in Barman's archive, as its cron would bring it there. */
  async barmanArchived(): Promise<void> {
    const { stdout } = await this.barman('switch-wal', '--force', 'main');
    const [segment] = /[0-9A-F]{24}/.exec(stdout) ?? [];
    if (segment === undefined) throw new Error(`no segment was closed: ${stdout}`);
    const archived = this.path('barman', 'main', 'wals', segment.slice(0, 16), segment);
    await eventually(`Barman archives ${segment}`, ARCHIVED_LIMIT_MS, async () => {
      // It leaves a segment where it received it until the next one has begun, and nobody writes here.
      await this.primary.sql("SELECT pg_logical_emit_message(true, 'matriarch', 'goes on')");
      await this.barman('archive-wal', 'main');
      return existsSync(archived);
    });
  }

  get barmanSettings(): BarmanSettings {
    return {
      server: 'main',
      host: null,
      user: 'postgres',
      ssh: [],
      remoteSshCommand: null,
      program: ['barman', '-c', this.path('barman.conf')],
      walRestoreProgram: 'barman-wal-restore',
      walArchiveProgram: 'barman-wal-archive',
      backup: 'latest',
      api: null,
    };
  }

  /** How another host would reach the primary. */
  get server(): ServerAccess {
    const { directory } = this.cluster;
    const conninfo = { host: directory, port: String(this.primary.port), user: 'postgres' };
    const rewind = { ...conninfo, dbname: 'postgres' };
    const sql = this.primary.target();
    const accounts = { replication: conninfo, rewind, sql, walsender: sql };
    return { name: 'source', ...accounts, streams: true, slotName: null };
  }

  async request(dataDirectory: string): Promise<SourceRequest> {
    const control = await readControlData(this.installation, this.primary.dataDirectory);
    const { systemIdentifier, checkpointTimeline } = control;
    return {
      installation: this.installation,
      dataDirectory,
      expected: { systemIdentifier, timeline: timelineId(checkpointTimeline) },
      server: this.server,
    };
  }

  async copyRequest(name: string, change: Partial<CopyRequest> = {}): Promise<CopyRequest> {
    const request = await this.request(this.path(name));
    const target = { dataDirectory: this.path(name), walDirectory: null, tablespaces: [] };
    const places = new CopyPlaces(target);
    await this.makePlaces(places);
    return {
      ...request,
      places,
      bandwidthBytesPerSecond: null,
      expectedBytes: null,
      target: null,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      ...change,
    };
  }

  /** As an agent does it, which runs as PostgreSQL's user. */
  async makePlaces(places: CopyPlaces): Promise<void> {
    await places.prepare();
    const { runAs } = this.installation;
    if (runAs === undefined) return;
    for (const directory of places.directories) chownSync(directory, runAs.uid, runAs.gid);
  }

  async copy(tool: RebuildTool, name: string, change: Partial<CopyRequest> = {}) {
    const request = await this.copyRequest(name, change);
    await tool.copy(request);
    return request;
  }

  async remove(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#receiver ?? {};
    // It ends by itself with the primary.
    if (pid !== undefined && exitCode === null && signalCode === null)
      process.kill(-pid, 'SIGKILL');
    await this.cluster.cleanUp();
  }

  #pgbackrestConf(): void {
    const own = this.owned('pgbackrest');
    writeFileSync(
      this.path('pgbackrest.conf'),
      `[global]\nrepo1-path=${this.owned('repository')}\nlog-path=${own}\nlock-path=${own}\n` +
        `spool-path=${own}\nstart-fast=y\nrepo1-retention-full=9\ncompress-level=1\n` +
        `[main]\npg1-path=${this.primary.dataDirectory}\npg1-port=${this.primary.port}\n` +
        `pg1-socket-path=${this.cluster.directory}\n`,
    );
  }

  #programs(): void {
    const programs = import.meta.dirname;
    copyFileSync(join(programs, 'wal-g-stand-in'), this.path('wal-g'));
    copyFileSync(join(programs, 'restore-by-basebackup'), this.path('restore-by-basebackup'));
    const prefix = this.owned('walg');
    writeFileSync(
      this.path('wal-g.env'),
      `WALG_FILE_PREFIX=${prefix}\nPATH=${POSTGRES_BIN}:/usr/bin:/bin\n`,
    );
  }
}
