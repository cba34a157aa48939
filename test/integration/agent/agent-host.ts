import { type ChildProcess, spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { epochMs } from '#libs/kernel';
import { killAll, osUser, ProcessesInDirectory, ProcTable, readFileIfPresent } from '#libs/process';
import { type Authority, issueCertificate } from '#libs/transport';
import { freePort } from '../../hosts/free-port.ts';
import { signalAll } from '../../hosts/signal-all.ts';

const USER = osUser('postgres');
const CLUSTER = 'orders';

/** Keys of the agent's file beside those that each host has. */
export type MoreConfig = {
  readonly agent: Readonly<Record<string, unknown>>;
  readonly postgres: Readonly<Record<string, unknown>>;
};

/** One database host on loopback: its own directories, ports, agent, guard and PostgreSQL. */
export class AgentHost {
  readonly dataDirectory: string;
  readonly processes: ProcessesInDirectory;
  agent: ChildProcess | null = null;
  #configPath = '';

  private constructor(
    readonly name: string,
    readonly directory: string,
    readonly port: number,
    readonly apiPort: number,
  ) {
    this.dataDirectory = join(directory, 'data');
    this.processes = new ProcessesInDirectory(this.dataDirectory);
  }

  static async create(
    root: string,
    name: string,
    authority: Authority,
    controllerPort: number,
    more: MoreConfig = { agent: {}, postgres: {} },
  ): Promise<AgentHost> {
    const directory = join(root, name);
    mkdirSync(directory);
    chownSync(directory, USER.uid, USER.gid);
    const host = new AgentHost(name, directory, await freePort(), await freePort());
    const now = epochMs(Date.now());
    const paths: Record<string, string> = {};
    for (const role of ['agent', 'guard'] as const) {
      const keys = join(directory, role);
      mkdirSync(keys);
      const issued = await issueCertificate({
        authority,
        role,
        name: `${CLUSTER}/${name}`,
        hosts: ['127.0.0.1'],
        directory: keys,
        now,
      });
      chownSync(keys, USER.uid, USER.gid);
      chownSync(issued.keyPath, USER.uid, USER.gid);
      paths[`${role}Certificate`] = issued.certPath;
      paths[`${role}Key`] = issued.keyPath;
      paths['ca'] = issued.caPath;
    }
    host.#configPath = join(directory, 'agent.yaml');
    writeFileSync(
      host.#configPath,
      JSON.stringify(host.#config(paths, controllerPort, more), null, 2),
    );
    return host;
  }

  get stateDirectory(): string {
    return join(this.directory, 'state');
  }

  /** Started as root; it becomes PostgreSQL's OS user by itself. */
  startAgent(script: string): void {
    const log = openSync(join(this.directory, 'agent.log'), 'a');
    const argv = ['--optimize-for-size', '--max-semi-space-size=1', script, '--config'];
    this.agent = spawn(process.execPath, [...argv, this.#configPath], {
      stdio: ['ignore', 'ignore', log],
    });
    closeSync(log);
  }

  async stopAgent(signal: NodeJS.Signals): Promise<void> {
    const { agent } = this;
    this.agent = null;
    if (agent === null || agent.exitCode !== null || agent.signalCode !== null) return;
    const gone = new Promise((resolve) => agent.once('exit', resolve));
    agent.kill(signal);
    await gone;
  }

  /** Takes effect with the next start of the agent. */
  configure(change: Readonly<Record<string, unknown>>): void {
    const config = JSON.parse(readFileSync(this.#configPath, 'utf8')) as Record<string, unknown>;
    writeFileSync(this.#configPath, JSON.stringify({ ...config, ...change }, null, 2));
  }

  /** As the lock names it: a spare guard has none. */
  guardPid(): number | null {
    const lock = `${this.dataDirectory}.matriarch-guard`;
    if (!existsSync(lock)) return null;
    const pid = Number(/^pid (\d+)$/m.exec(readFileSync(lock, 'utf8'))?.[1]);
    const alive = new ProcTable().title(pid).includes(join(this.stateDirectory, 'guard.json'));
    return alive ? pid : null;
  }

  receiverPid(): number | null {
    const { processes } = this.processes.scan();
    return processes.find(({ title }) => title.includes('walreceiver streaming'))?.pid ?? null;
  }

  /** As `postmaster.pid` names it, whether it still runs or not; null when there is no such file. */
  postmasterPid(): number | null {
    const text = readFileIfPresent(join(this.dataDirectory, 'postmaster.pid'));
    return text === undefined ? null : Number(text.split('\n')[0]);
  }

  async client(): Promise<Client> {
    const client = new Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'postgres',
      password: 'super secret',
      connectionTimeoutMillis: 1_000,
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Its endpoints answer and it has looked at PostgreSQL. */
  async isReady(): Promise<boolean> {
    try {
      return (await this.status('/health')) === 200;
    } catch {
      return false;
    }
  }

  async status(path: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.apiPort}${path}`);
    await response.arrayBuffer();
    return response.status;
  }

  async body(path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.apiPort}${path}`)).text();
  }

  log(name = 'agent.log'): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }

  /** Ends everything that runs here, however the test left it. */
  async end(): Promise<void> {
    await this.stopAgent('SIGKILL');
    const guard = this.guardPid();
    if (guard !== null) signalAll([guard], 'SIGKILL');
    await killAll(this.processes, { limitMs: 5_000 });
  }

  #config(
    paths: Readonly<Record<string, string>>,
    controllerPort: number,
    more: MoreConfig,
  ): unknown {
    return {
      cluster: CLUSTER,
      instance: this.name,
      stateDirectory: this.stateDirectory,
      controllers: [{ name: 'c1', address: `127.0.0.1:${controllerPort}` }],
      tls: { ca: paths['ca'], certificate: paths['agentCertificate'], key: paths['agentKey'] },
      guard: { certificate: paths['guardCertificate'], key: paths['guardKey'] },
      api: { host: '127.0.0.1', port: this.apiPort },
      postgres: {
        dataDirectory: this.dataDirectory,
        listen: { host: '127.0.0.1', port: this.port },
        socketDirectory: this.directory,
        ...more.postgres,
      },
      logLevel: 'debug',
      ...more.agent,
    };
  }
}
