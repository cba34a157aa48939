import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { present } from '#libs/kernel';
import type { Settings } from '#libs/postgres-model';
import {
  baseBackup,
  type FollowOutcome,
  findInstallation,
  follow,
  type Installation,
  type InstanceObservation,
  initdb,
  observeInstance,
  type ReachableInstance,
  SqlSession,
  type SqlTarget,
  writeHba,
  writeManagedSettings,
} from '#libs/postgres-run';
import {
  dieWithParentArgv,
  killAll,
  type OsUser,
  osUser,
  ProcessesInDirectory,
  proveDown,
  putStandbySignal,
  removeStandbySignal,
} from '#libs/process';
import { freePort } from '../../hosts/free-port.ts';

/** A limit is there against waiting for ever; what a moment of a busy machine takes is no failure. */
const SHORTEST_LIMIT_MS = 20_000;
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 20_000;

/** Everybody on this machine's loopback may do everything, but the replication role shows a password. */
const HBA = [
  'local all all trust',
  'local replication all trust',
  'host replication replicator 127.0.0.1/32 scram-sha-256',
  'host all rewinder 127.0.0.1/32 scram-sha-256',
];

/** Temporary folder with the instances of one test file; ends and removes everything, also on failure. */
export class LocalCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'mtpg-'));
  readonly #instances: LocalInstance[] = [];

  private constructor(readonly installation: Installation) {}

  static async make(): Promise<LocalCluster> {
    const postgres = process.getuid?.() === 0 ? osUser('postgres') : undefined;
    const installation = await findInstallation(postgres === undefined ? {} : { runAs: postgres });
    const cluster = new LocalCluster(installation);
    if (postgres !== undefined) chownSync(cluster.directory, postgres.uid, postgres.gid);
    return cluster;
  }

  async instance(name: string): Promise<LocalInstance> {
    const instance = new LocalInstance(this, name, await freePort());
    this.#instances.push(instance);
    return instance;
  }

  async primary(name: string, settings: Settings = {}): Promise<LocalInstance> {
    const instance = await this.instance(name);
    await initdb(this.installation, {
      dataDirectory: instance.dataDirectory,
      superuser: 'postgres',
      extraOptions: ['--no-sync'],
    });
    instance.configure(settings);
    await instance.startPrimary();
    return instance;
  }

  /** A clone that streams from `source` under its own name. */
  async standby(name: string, source: LocalInstance): Promise<LocalInstance> {
    const instance = await this.instance(name);
    await baseBackup(this.installation, {
      dataDirectory: instance.dataDirectory,
      source: source.conninfo('replicator'),
      secrets: { password: PASSWORD },
      timeoutMs: 30_000,
    });
    instance.configure({});
    instance.follow(source);
    await instance.startStandby();
    return instance;
  }

  async cleanUp(): Promise<void> {
    for (const instance of this.#instances) {
      instance.session.close();
      await instance.killEverything();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const PASSWORD = `it's a "test" \\ secret`;

/** One instance that this process starts directly, as the guard does: it is the postmaster's parent. */
export class LocalInstance {
  readonly dataDirectory: string;
  readonly session: SqlSession;
  #child: ChildProcess | undefined;

  constructor(
    readonly cluster: LocalCluster,
    readonly name: string,
    readonly port: number,
  ) {
    this.dataDirectory = join(cluster.directory, name);
    this.session = new SqlSession(this.target());
  }

  target(): SqlTarget {
    return {
      host: this.cluster.directory,
      port: this.port,
      user: 'postgres',
      database: 'postgres',
      connectTimeoutMs: 2_000,
      statementTimeoutMs: 10_000,
    };
  }

  conninfo(user: string): Record<string, string> {
    return { host: '127.0.0.1', port: String(this.port), user, dbname: 'postgres' };
  }

  configure(settings: Settings): void {
    writeHba(this.dataDirectory, HBA);
    writeManagedSettings(this.dataDirectory, {
      port: String(this.port),
      // As the agent sets it: a slot that its old walsender still holds is asked for again soon.
      wal_retrieve_retry_interval: '200ms',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.cluster.directory,
      cluster_name: this.name,
      restart_after_crash: 'off',
      wal_keep_size: '512MB',
      shared_buffers: '16MB',
      max_connections: '20',
      log_min_messages: 'info',
      ...settings,
    });
  }

  follow(source: LocalInstance): FollowOutcome {
    return follow({
      dataDirectory: this.dataDirectory,
      version: this.cluster.installation.version,
      upstream: {
        ...source.conninfo('replicator'),
        password: PASSWORD,
        application_name: this.name,
      },
    });
  }

  async startPrimary(): Promise<void> {
    removeStandbySignal(this.dataDirectory);
    await this.#start();
  }

  /** @param options of the command line, which beat every file */
  async startStandby(limitMs = START_LIMIT_MS, options: readonly string[] = []): Promise<void> {
    putStandbySignal(this.dataDirectory);
    await this.#start(limitMs, options);
  }

  observe(deadlineMs = 2_000): Promise<InstanceObservation> {
    return observeInstance(this.session, { deadlineMs, dataDirectory: this.dataDirectory });
  }

  async reachable(): Promise<ReachableInstance> {
    const seen = await this.observe();
    if (seen.kind !== 'reachable') throw new Error(`${this.name}: ${seen.reason} ${seen.detail}`);
    return seen;
  }

  async sql(text: string): Promise<unknown> {
    const [row] = await this.session.query(text);
    return Object.values(row ?? {})[0];
  }

  get postmasterPid(): number {
    return present(this.#child?.pid, 'the instance was started');
  }

  /** SIGINT is a fast stop, SIGQUIT an immediate one. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    this.#child?.kill(signal);
    await eventually(`${this.name} is down`, STOP_LIMIT_MS, async () => this.isDown());
  }

  async killEverything(): Promise<void> {
    await killAll(new ProcessesInDirectory(this.dataDirectory), { limitMs: STOP_LIMIT_MS });
  }

  isDown(): boolean {
    return proveDown(this.dataDirectory).kind === 'down';
  }

  async #start(limitMs = START_LIMIT_MS, options: readonly string[] = []): Promise<void> {
    const { binDirectory, runAs } = this.cluster.installation;
    const argv = dieWithParentArgv({
      parentPid: process.pid,
      program: [`${binDirectory}/postgres`, '-D', this.dataDirectory, ...options],
    });
    const log = openSync(join(this.cluster.directory, `${this.name}.log`), 'a');
    this.#child = spawn(present(argv[0], 'an argv'), argv.slice(1), {
      cwd: '/',
      stdio: ['ignore', log, log],
      env: { ...process.env, LC_ALL: 'C' },
      ...ids(runAs),
    });
    this.session.close();
    await eventually(`${this.name} answers`, limitMs, async () => {
      if (this.#child?.exitCode !== null) throw new Error(`${this.name} ended: see its log`);
      return (await this.observe()).kind === 'reachable';
    });
  }
}

function ids(user: OsUser | undefined): { uid?: number; gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid };
}

/** Polls a condition; fails with its name when the limit, of 20 s at least, is over. */
export async function eventually(
  what: string,
  limitMs: number,
  condition: () => Promise<boolean>,
): Promise<void> {
  const limit = Math.max(limitMs, SHORTEST_LIMIT_MS);
  const startedMs = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedMs > limit) throw new Error(`not within ${limit} ms: ${what}`);
    await delay(10);
  }
}
