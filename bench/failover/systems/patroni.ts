import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { run } from '#libs/process';
import type { SupervisedProcess } from '../../../apps/cli/src/demo/supervised-process.ts';
import type { HostNetwork } from '../../../test/hosts/host-network.ts';
import { CONTROLLER_HOSTS, DATABASE_HOSTS, shortDirectory } from '../../../test/hosts/six-hosts.ts';
import { FAULTS, type Fault, type Mode } from '../fault.ts';
import { EtcdOnHosts } from './etcd-group.ts';
import { PeerHost } from './peer-host.ts';
import { type ManagerProcess, SystemUnderTest } from './system.ts';

const BIN = '/usr/lib/postgresql/15/bin';
const COMMAND_TIMEOUT_MS = 60_000;
/** ttl, loop_wait, retry_timeout in seconds: Patroni's defaults, and the fastest that it accepts. */
const TIMES = { patroni: [30, 10, 10], 'patroni-fast': [20, 1, 3] } as const;

/** Debian's Patroni with Debian's etcd. */
export class Patroni extends SystemUnderTest {
  readonly faults: readonly Fault[] = FAULTS.filter((fault) => fault !== 'guard-kill');
  readonly credentials = { user: 'postgres', password: '', database: 'postgres' };
  readonly #directory = shortDirectory();
  readonly #hosts: readonly PeerHost[];
  readonly #etcd: EtcdOnHosts;
  readonly #managers = new Map<string, SupervisedProcess>();

  constructor(
    network: HostNetwork,
    readonly system: 'patroni' | 'patroni-fast',
    readonly mode: Mode,
  ) {
    super(network);
    const peerHost = (name: string) => new PeerHost(network, name, this.#directory);
    this.#hosts = DATABASE_HOSTS.map(peerHost);
    this.#etcd = new EtcdOnHosts(CONTROLLER_HOSTS.map(peerHost));
  }

  get beatMs(): number {
    const [, loopWait] = TIMES[this.system];
    return loopWait * 1_000;
  }

  get databases() {
    return this.#hosts.map(({ name, address }) => ({ name, host: address, port: 5_432 }));
  }

  /** etcd is installed and leads before Patroni comes, as its documentation asks. */
  async prepare(): Promise<void> {
    await this.#etcd.startAll();
    for (const host of this.#hosts) {
      writeFileSync(configFile(host), stringify(this.#config(host)));
      host.own(configFile(host));
    }
  }

  override async start(): Promise<void> {
    for (const { name } of this.#hosts) this.#startManager(name);
  }

  override async stop(): Promise<void> {
    for (const { name } of this.network.hosts) await this.network.killEverything(name);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  override holdDown(): void {}

  override async startAgain(host: string): Promise<void> {
    if (CONTROLLER_HOSTS.includes(host)) this.#etcd.start(host);
    else this.#startManager(host);
  }

  override async switchover(primary: string): Promise<void> {
    const host = this.#host(primary);
    const argv = [
      'patronictl',
      '-c',
      configFile(host),
      'switchover',
      '--force',
      '--master',
      primary,
    ];
    await run(host.argv(...argv, 'demo'), { timeoutMs: COMMAND_TIMEOUT_MS });
  }

  override async leaderHost(): Promise<string> {
    return await this.#etcd.leaderHost();
  }

  override async killLeader(): Promise<string> {
    const leader = await this.#etcd.leaderHost();
    this.#etcd.processes.get(leader)?.signal('SIGKILL');
    return leader;
  }

  override pidOf(what: ManagerProcess, host: string): number | null {
    return what === 'guard' ? null : (this.#managers.get(host)?.pid ?? null);
  }

  override dataDirectory(host: string): string {
    return join(this.#host(host).directory, 'data');
  }

  override async phasesMs(): Promise<null> {
    return null;
  }

  override async trouble(): Promise<string | null> {
    return null;
  }

  #startManager(name: string): void {
    const host = this.#host(name);
    this.#managers.set(name, host.process('patroni', host.argv('patroni', configFile(host))));
  }

  #host(name: string): PeerHost {
    const found = this.#hosts.find((host) => host.name === name);
    if (found === undefined) throw new Error(`no database host '${name}'`);
    return found;
  }

  #config({ name, address, directory }: PeerHost) {
    const [ttl, loopWait, retryTimeout] = TIMES[this.system];
    const everybody = ['host replication all 0.0.0.0/0 trust', 'host all all 0.0.0.0/0 trust'];
    const user = { username: 'postgres' };
    return {
      scope: 'demo',
      name,
      restapi: { listen: `${address}:8008`, connect_address: `${address}:8008` },
      etcd3: { hosts: this.#etcd.clientAddresses.join(',') },
      bootstrap: {
        dcs: {
          ...{ ttl, loop_wait: loopWait, retry_timeout: retryTimeout },
          maximum_lag_on_failover: 1_048_576,
          synchronous_mode: this.mode === 'sync',
          postgresql: { use_pg_rewind: true, use_slots: true, parameters: { wal_log_hints: 'on' } },
        },
        initdb: [{ encoding: 'UTF8' }, 'data-checksums'],
        pg_hba: [...everybody, 'local all all trust'],
      },
      postgresql: {
        listen: `${address}:5432`,
        connect_address: `${address}:5432`,
        data_dir: join(directory, 'data'),
        bin_dir: BIN,
        pgpass: join(directory, 'pgpass'),
        authentication: { replication: user, superuser: user, rewind: user },
        parameters: {
          unix_socket_directories: directory,
          shared_buffers: '32MB',
          max_connections: 50,
        },
      },
    };
  }
}

function configFile({ directory }: PeerHost): string {
  return join(directory, 'patroni.yml');
}
