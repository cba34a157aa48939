import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { osUser } from '#libs/process';
import { freePort } from '../../hosts/free-port.ts';
import type { AgentHost } from '../agent/agent-host.ts';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import { until } from '../until.ts';
import { passwords, type RebuildRig } from './rebuild-rig.ts';

const POSTGRES = osUser('postgres');
const BOOT_LIMIT_MS = 90_000;

/** Debian's Patroni and etcd, which keep PostgreSQL where the agents of a rig will find it. */
export class PatroniPair {
  readonly #etcd: ChildProcess[] = [];
  readonly #managers: ChildProcess[] = [];

  constructor(readonly rig: RebuildRig) {}

  /** One primary with its standby, both streaming. */
  async start(): Promise<void> {
    const [client, peer] = [await freePort(), await freePort()];
    const etcd = `http://127.0.0.1:${client}`;
    const own = `http://127.0.0.1:${peer}`;
    this.#run(this.#etcd, 'etcd', [
      ...['etcd', '--name', 'e1', '--data-dir', this.rig.owned('etcd')],
      ...['--listen-client-urls', etcd, '--advertise-client-urls', etcd],
      ...['--listen-peer-urls', own, '--initial-advertise-peer-urls', own],
      ...['--initial-cluster', `e1=${own}`],
    ]);
    for (const host of this.rig.hosts) {
      this.rig.write(fileOf(host), stringify(configOf(host, client, await freePort())));
      this.#run(this.#managers, `patroni-${host.name}`, ['patroni', this.#config(host)]);
      if (this.#managers.length > 1) continue;
      await this.#holds(host, 'SELECT NOT pg_is_in_recovery()');
    }
    const [first] = this.rig.hosts;
    if (first === undefined) throw new Error('there is no host');
    await this.#holds(
      first,
      "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'",
    );
  }

  /** As the runbook has it: paused, then its service is stopped on every host. PostgreSQL goes on. */
  async switchOff(): Promise<void> {
    const [first] = this.rig.hosts;
    if (first === undefined) throw new Error('there is no host');
    await this.rig.asPostgres(['patronictl', '-c', this.#config(first), 'pause', '--wait', 'main']);
    await end(this.#managers);
    await end(this.#etcd);
  }

  async remove(): Promise<void> {
    await end(this.#managers);
    await end(this.#etcd);
  }

  #config(host: AgentHost): string {
    return join(this.rig.directory, fileOf(host));
  }

  #run(into: ChildProcess[], name: string, [program = '', ...words]: readonly string[]): void {
    const log = openSync(join(this.rig.directory, `${name}.log`), 'a');
    const { uid, gid, home } = POSTGRES;
    const env = { ...process.env, HOME: home };
    into.push(spawn(program, words, { stdio: ['ignore', log, log], cwd: '/', uid, gid, env }));
    closeSync(log);
  }

  async #holds(host: AgentHost, sql: string): Promise<void> {
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

function fileOf({ name }: AgentHost): string {
  return `patroni-${name}.yml`;
}

function configOf(host: AgentHost, etcdPort: number, apiPort: number) {
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
      authentication: passwords,
      parameters: { unix_socket_directories: host.directory, shared_buffers: '16MB' },
    },
  };
}
