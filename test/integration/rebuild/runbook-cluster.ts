import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { InstanceView } from '#libs/api';
import { OPERATOR_NAME } from '../../../apps/cli/src/demo/certificates.ts';
import { authorityFile, certificateFiles } from '../../../apps/cli/src/demo/config-files.ts';
import { HttpClusterApi } from '../../../apps/cli/src/demo/http-cluster-api.ts';
import { guardPid, isAlive, processesIn } from '../../../apps/cli/src/demo/instance-processes.ts';
import { clusterPlan, type HostPlan } from '../../../apps/cli/src/demo/plan.ts';
import { RunningCluster } from '../../../apps/cli/src/demo/running-cluster.ts';
import { runCli } from '../../../apps/cli/src/run-cli.ts';
import { freePort } from '../../hosts/free-port.ts';
import { signalAll } from '../../hosts/signal-all.ts';
import { shortDirectory } from '../../hosts/six-hosts.ts';
import { until } from '../until.ts';
import { BackupSite, type SiteHost } from './backup-site.ts';

const HOST: HostPlan = { name: 'localhost', address: '127.0.0.1', namespace: null };
const LIMIT_MS = 120_000;

type Keys = Readonly<Record<string, unknown>>;

/** A real cluster of one controller and some instances, for what a runbook tells an operator to type. */
export class RunbookCluster extends BackupSite {
  readonly directory: string;
  readonly hosts: readonly SiteHost[];

  private constructor(readonly running: RunningCluster) {
    super();
    const { directory, instances } = running.plan;
    this.directory = directory;
    this.hosts = instances.map(({ name, socketDirectory, dataDirectory, postgresPort }) => ({
      ...{ name, dataDirectory, directory: socketDirectory, port: postgresPort },
    }));
  }

  /** Files and certificates; nothing runs. Programs are found in `bin` and `hosts/bin` of its directory first. */
  static async create(count: number, cluster = 'main'): Promise<RunbookCluster> {
    const directory = shortDirectory();
    const instances = [];
    for (let made = 0; made < count; made += 1) {
      instances.push({ host: HOST, agentPort: await freePort(), postgresPort: await freePort() });
    }
    const controllers = [{ host: HOST, tlsPort: await freePort(), httpPort: await freePort() }];
    const plan = clusterPlan({ cluster, directory, controllers, instances });
    const own = [join(directory, 'bin'), join(directory, 'hosts', 'bin')];
    const PATH = [...own, process.env['PATH']].join(delimiter);
    const running = new RunningCluster(plan, {
      clientNetwork: '127.0.0.1/32',
      environmentOf: () => ({ ...process.env, PATH }),
    });
    await running.prepare();
    return new RunbookCluster(running);
  }

  get clusterFile(): string {
    return this.running.plan.clusterFile;
  }

  host(name: string): SiteHost {
    const found = this.hosts.find((host) => host.name === name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  }

  addToClusterFile(keys: Keys): void {
    addTo(this.clusterFile, keys);
  }

  addToAgentFile(name: string, keys: Keys): void {
    addTo(this.running.instance(name).configFile, keys);
  }

  /** Processes start, and the cluster is created. */
  async start(): Promise<void> {
    await this.running.start(new HttpClusterApi(this.running.plan));
  }

  /** PostgreSQL goes on. */
  async restartAgent(name: string): Promise<void> {
    const agent = this.#agent(name);
    await agent.stop();
    agent.start();
    await this.shows(name, ({ agent: { heardAgeMs } }) => (heardAgeMs ?? LIMIT_MS) < 2_000);
  }

  /** As if its host had died: agent, guard, and with it PostgreSQL. */
  async endHost(name: string): Promise<void> {
    await this.#agent(name).killForGood();
    const guard = guardPid(this.running.instance(name));
    if (guard !== null) signalAll([guard], 'SIGKILL');
  }

  async stopAgent(name: string): Promise<void> {
    await this.#agent(name).stop();
  }

  /** It stops PostgreSQL in order. */
  async stopGuard(name: string): Promise<void> {
    const guard = guardPid(this.running.instance(name));
    if (guard === null) return;
    process.kill(guard, 'SIGTERM');
    await until(() => !isAlive(guard), LIMIT_MS);
  }

  startAgent(name: string): void {
    this.#agent(name).start();
  }

  agentLog(name: string): string {
    return readFileSync(this.running.instance(name).logFile, 'utf8');
  }

  /** What guards log goes to a file of their own. */
  guardLog(name: string): string {
    const file = join(this.running.instance(name).stateDirectory, 'guard.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** One command as it stands in a runbook: exit code, and all that an operator sees. */
  async type(command: string): Promise<{ readonly exitCode: number; readonly said: string }> {
    const [program, ...words] = wordsOf(command);
    if (program !== 'matriarch') throw new Error(`'${command}' is no command of ours`);
    const { plan } = this.running;
    const api = plan.controllers.map(({ host, httpPort }) => `${host.address}:${httpPort}`).join();
    const { certificate, key } = certificateFiles(plan, 'operator', OPERATOR_NAME);
    const identity = ['--cert', certificate, '--key', key, '--ca', authorityFile(plan)];
    const said: string[] = [];
    const take = (text: string) => void said.push(text);
    const argv = ['--api', `https://${api}`, ...identity, ...words];
    const exitCode = await runCli(argv, { out: take, err: take });
    return { exitCode, said: said.join('') };
  }

  /** Until the controllers show an instance so. */
  async shows(name: string, holds: (instance: InstanceView) => boolean): Promise<void> {
    const api = new HttpClusterApi(this.running.plan);
    let seen: unknown = null;
    await until(async () => {
      const status = await api.status().catch(() => null);
      const view = status?.clusters[0]?.instances.find((one) => one.name === name);
      seen = view;
      return view !== undefined && holds(view);
    }, LIMIT_MS).catch((cause: unknown) => {
      throw new Error(`${name}: ${JSON.stringify(seen)}`, { cause });
    });
  }

  /** The primary, once every other instance streams. */
  async whole(): Promise<SiteHost> {
    const api = new HttpClusterApi(this.running.plan);
    return this.host(await this.running.untilHealthy(api, LIMIT_MS));
  }

  async remove(): Promise<void> {
    try {
      await this.running.stop();
    } finally {
      signalAll(
        processesIn(this.directory).map(({ pid }) => pid),
        'SIGKILL',
      );
      if (process.env['KEEP_TEST_FILES'] === undefined) {
        rmSync(this.directory, { recursive: true, force: true });
      }
    }
  }

  #agent(name: string) {
    const agent = this.running.agents.get(name);
    if (agent === undefined) throw new Error(`no agent ${name}`);
    return agent;
  }
}

/** As a shell takes them: what stands between quotes is one. */
function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain = '']) => quoted ?? plain);
}

/** What is there of a key already stays beside what is added to it. */
function addTo(file: string, keys: Keys): void {
  const present = parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  for (const [key, value] of Object.entries(keys)) {
    const before = present[key];
    present[key] =
      isMapping(before) && isMapping(value)
        ? { ...before, ...value }
        : Array.isArray(before) && Array.isArray(value)
          ? [...value, ...before]
          : value;
  }
  writeFileSync(file, stringify(present));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
