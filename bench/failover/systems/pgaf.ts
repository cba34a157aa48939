import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from '#libs/process';
import type { SupervisedProcess } from '../../../apps/cli/src/demo/supervised-process.ts';
import type { HostNetwork } from '../../../test/hosts/host-network.ts';
import { DATABASE_HOSTS, shortDirectory } from '../../../test/hosts/six-hosts.ts';
import type { Fault } from '../fault.ts';
import { PeerHost } from './peer-host.ts';
import { type ManagerProcess, SystemUnderTest } from './system.ts';

const BIN = '/usr/lib/postgresql/15/bin';
const COMMAND_TIMEOUT_MS = 60_000;
const MONITOR_STARTS_MS = 4_000;
const MONITOR = 'e1';
const EVERYBODY = 'host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n';
/** Its tools put sockets into one folder for all instances of a host: each host gets its own. */
const OWN_SOCKETS = 'mount -t tmpfs -o mode=777 tmpfs /var/run/postgresql && exec "$@"';

/** Debian's pg_auto_failover: a monitor and three keepers, its defaults. */
export class PgAutoFailover extends SystemUnderTest {
  readonly system = 'pgaf';
  readonly mode = 'async';
  /** Its monitor’s health check. */
  readonly beatMs = 5_000;
  readonly faults: readonly Fault[] = [
    ...(['host-death', 'link-cut', 'postmaster-kill', 'manager-kill', 'manager-stop'] as const),
    ...(['controller-kill', 'switchover'] as const),
  ];
  readonly credentials = { user: 'postgres', password: '', database: 'postgres' };
  readonly #directory = shortDirectory();
  readonly #monitor: PeerHost;
  readonly #hosts: readonly PeerHost[];
  readonly #managers = new Map<string, SupervisedProcess>();

  constructor(network: HostNetwork) {
    super(network);
    const peerHost = (name: string) => new PeerHost(network, name, this.#directory);
    this.#monitor = peerHost(MONITOR);
    this.#hosts = DATABASE_HOSTS.map(peerHost);
  }

  get databases() {
    return this.#hosts.map(({ name, address }) => ({ name, host: address, port: 5_432 }));
  }

  async prepare(): Promise<void> {
    const { address } = this.#monitor;
    const asMonitor = ['--pgport', '5432', '--hostname', address, '--auth', 'trust', '--no-ssl'];
    await this.#tool(this.#monitor, 'create', 'monitor', ...asMonitor);
    appendFileSync(join(this.dataDirectory(MONITOR), 'pg_hba.conf'), EVERYBODY);
    this.#startManager(this.#monitor);
    await pause(MONITOR_STARTS_MS);
  }

  /** One after the other, as its documentation does: the first becomes the primary. */
  override async start(): Promise<void> {
    for (const host of this.#hosts) {
      await this.#tool(
        host,
        ...['create', 'postgres', '--pgport', '5432', '--hostname', host.address],
        ...['--name', host.name, '--auth', 'trust', '--no-ssl', '--monitor', this.#monitorUrl],
      );
      appendFileSync(join(this.dataDirectory(host.name), 'pg_hba.conf'), EVERYBODY);
      this.#startManager(host);
    }
  }

  override async stop(): Promise<void> {
    for (const { name } of this.network.hosts) await this.network.killEverything(name);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  override holdDown(): void {}

  override async startAgain(host: string): Promise<void> {
    this.#startManager(this.#host(host));
  }

  override async switchover(primary: string): Promise<void> {
    await this.#tool(this.#host(primary), 'perform', 'switchover');
  }

  override async leaderHost(): Promise<string> {
    return MONITOR;
  }

  override async killLeader(): Promise<string> {
    await this.network.killEverything(MONITOR);
    return MONITOR;
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

  /** A switchover is refused before every keeper has reached its goal. */
  override async trouble(): Promise<string | null> {
    const { stdout } = await run(
      this.#argv(this.#monitor, 'show', 'state', '--monitor', this.#monitorUrl),
      { timeoutMs: COMMAND_TIMEOUT_MS },
    );
    const settled = stdout.split('\n').filter((line) => /\b(primary|secondary)\b/.test(line));
    const odd = settled.filter((line) => !/\b(primary|secondary) \|\s+\1\b/.test(line));
    return settled.length === DATABASE_HOSTS.length && odd.length === 0 ? null : stdout;
  }

  get #monitorUrl(): string {
    return `postgres://autoctl_node@${this.#monitor.address}:5432/pg_auto_failover`;
  }

  #startManager(host: PeerHost): void {
    const argv = this.#argv(host, 'run', ...pgdata(host));
    this.#managers.set(host.name, host.process('pgaf', argv));
  }

  async #tool(host: PeerHost, ...command: string[]): ReturnType<typeof run> {
    return await run(this.#argv(host, ...command, ...pgdata(host)), {
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  }

  #argv(host: PeerHost, ...command: string[]): string[] {
    const { directory } = host;
    for (const name of ['share', 'config', 'run']) {
      mkdirSync(join(directory, name), { recursive: true });
      host.own(join(directory, name));
    }
    const environment = [
      `HOME=${directory}`,
      `XDG_DATA_HOME=${join(directory, 'share')}`,
      `XDG_CONFIG_HOME=${join(directory, 'config')}`,
      `XDG_RUNTIME_DIR=${join(directory, 'run')}`,
      `PATH=${BIN}:${process.env['PATH'] ?? ''}`,
    ];
    const inside = ['env', ...environment, 'pg_autoctl', ...command];
    const [nsenter = '', network = '', ...asPostgres] = host.argv(...inside);
    return [nsenter, network, 'unshare', '--mount', 'sh', '-c', OWN_SOCKETS, 'sh', ...asPostgres];
  }

  #host(name: string): PeerHost {
    const found = [this.#monitor, ...this.#hosts].find((host) => host.name === name);
    if (found === undefined) throw new Error(`no pg_auto_failover on '${name}'`);
    return found;
  }
}

function pgdata({ directory }: PeerHost): string[] {
  return ['--pgdata', join(directory, 'data')];
}
