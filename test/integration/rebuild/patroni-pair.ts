import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { osUser } from '#libs/process';
import { freePort } from '../../hosts/free-port.ts';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import { until } from '../until.ts';
import type { BackupSite, SiteHost } from './backup-site.ts';
import type { passwords } from './rebuild-rig.ts';

const POSTGRES = osUser('postgres');
const BOOT_LIMIT_MS = 90_000;
/** A standby that is not promoted yet may be streamed from as well. */
const STREAMS =
  "SELECT count(*) = 1 AND NOT pg_is_in_recovery() FROM pg_stat_replication WHERE state = 'streaming'";

/** Debian's Patroni and etcd, which keep PostgreSQL where the agents of a rig will find it. */
export class PatroniPair {
  readonly #etcd: ChildProcess[] = [];
  readonly #managers = new Map<string, ChildProcess>();
  #etcdPorts: readonly [client: number, peer: number] = [0, 0];

  constructor(
    readonly rig: BackupSite,
    readonly users: typeof passwords,
  ) {}

  /** One primary with its standby, both streaming. */
  async start(): Promise<void> {
    this.#etcdPorts = [await freePort(), await freePort()];
    this.#runEtcd();
    for (const host of this.rig.hosts) {
      const config = configOf(host, this.users, this.#etcdPorts[0], await freePort());
      this.rig.write(fileOf(host), stringify(config));
      this.startManager(host);
      if (this.#managers.size > 1) continue;
      await this.#holds(host, 'SELECT NOT pg_is_in_recovery()');
    }
    const [first] = this.rig.hosts;
    if (first === undefined) throw new Error('there is no host');
    await this.#holds(first, STREAMS);
  }

  /** Whoever is the primary by now, once its standby streams. */
  async streams(): Promise<SiteHost> {
    return until(async () => {
      for (const host of this.rig.hosts) {
        const answer = await this.rig.psql(host, STREAMS).catch(() => null);
        if (answer?.stdout.trim() === 't') return host;
      }
      return null;
    }, BOOT_LIMIT_MS);
  }

  /** As the runbook has it: paused, then its service is stopped on every host. PostgreSQL goes on. */
  async switchOff(): Promise<void> {
    const [first] = this.rig.hosts;
    if (first === undefined) throw new Error('there is no host');
    await this.rig.asPostgres(['patronictl', '-c', this.config(first), 'pause', '--wait', 'main']);
    await this.stopServices();
  }

  /** PostgreSQL of a paused cluster goes on. */
  async stopServices(): Promise<void> {
    await end([...this.#managers.values()]);
    await end(this.#etcd);
  }

  startManager(host: SiteHost): void {
    const argv = ['patroni', this.config(host)];
    this.#managers.set(host.name, this.#run(`patroni-${host.name}`, argv));
  }

  async stopManager({ name }: SiteHost): Promise<void> {
    const manager = this.#managers.get(name);
    if (manager !== undefined) await end([manager]);
  }

  config(host: SiteHost): string {
    return join(this.rig.directory, fileOf(host));
  }

  #runEtcd(): void {
    const [client, peer] = this.#etcdPorts.map((port) => `http://127.0.0.1:${port}`);
    if (client === undefined || peer === undefined) throw new Error('two ports');
    const argv = [
      ...['etcd', '--name', 'e1', '--data-dir', this.rig.owned('etcd')],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', `e1=${peer}`],
    ];
    this.#etcd.push(this.#run('etcd', argv));
  }

  #run(name: string, [program = '', ...words]: readonly string[]): ChildProcess {
    const log = openSync(join(this.rig.directory, `${name}.log`), 'a');
    const { uid, gid, home } = POSTGRES;
    const env = { ...process.env, HOME: home };
    const child = spawn(program, words, { stdio: ['ignore', log, log], cwd: '/', uid, gid, env });
    closeSync(log);
    return child;
  }

  async #holds(host: SiteHost, sql: string): Promise<void> {
    await until(async () => {
      const answer = await this.rig.psql(host, sql).catch(() => null);
      return answer?.stdout.trim() === 't';
    }, BOOT_LIMIT_MS);
  }
}

async function end(processes: readonly ChildProcess[]): Promise<void> {
  for (const one of processes) {
    if (one.exitCode !== null || one.signalCode !== null) continue;
    const gone = new Promise((resolve) => one.once('exit', resolve));
    one.kill('SIGTERM');
    await gone;
  }
}

function fileOf({ name }: SiteHost): string {
  return `patroni-${name}.yml`;
}

function configOf(host: SiteHost, users: typeof passwords, etcdPort: number, apiPort: number) {
  return {
    scope: 'main',
    name: host.name,
    restapi: { listen: `127.0.0.1:${apiPort}`, connect_address: `127.0.0.1:${apiPort}` },
    etcd3: { hosts: `127.0.0.1:${etcdPort}` },
    bootstrap: {
      dcs: {
        ...{ ttl: 30, loop_wait: 2, retry_timeout: 10 },
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: { max_connections: 60, work_mem: '7MB' },
        },
      },
      initdb: [{ encoding: 'UTF8' }, 'data-checksums'],
      pg_hba: [
        'local all all trust',
        'host all all 127.0.0.1/32 md5',
        'host replication all 127.0.0.1/32 md5',
      ],
    },
    postgresql: {
      listen: `127.0.0.1:${host.port}`,
      connect_address: `127.0.0.1:${host.port}`,
      data_dir: host.dataDirectory,
      bin_dir: POSTGRES_BIN,
      pgpass: join(host.directory, 'pgpass'),
      authentication: users,
      parameters: { unix_socket_directories: host.directory, shared_buffers: '16MB' },
    },
  };
}
