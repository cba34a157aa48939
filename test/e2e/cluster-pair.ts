import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { type ClusterView, type StatusAnswer, statusAnswer } from '#libs/api';
import { epochMs, messageOf } from '#libs/kernel';
import type { OsUser } from '#libs/process';
import { issueCertificate, openAuthority } from '#libs/transport';
import { OPERATOR_NAME, writeCertificates } from '../../apps/cli/src/demo/certificates.ts';
import {
  agentYaml,
  authorityFile,
  certificateFiles,
  clusterYaml,
  controllerYaml,
} from '../../apps/cli/src/demo/config-files.ts';
import { giveTo, makeDirectories, postgresOsUser } from '../../apps/cli/src/demo/directories.ts';
import { guardPid, processesIn } from '../../apps/cli/src/demo/instance-processes.ts';
import { agentArgv, controllerArgv } from '../../apps/cli/src/demo/launch.ts';
import {
  type ClusterPlan,
  type ControllerPlan,
  clusterPlan,
  type HostPlan,
  type InstancePlan,
} from '../../apps/cli/src/demo/plan.ts';
import { SupervisedProcess } from '../../apps/cli/src/demo/supervised-process.ts';
import { until } from '../../apps/cli/src/demo/until.ts';
import { runCli } from '../../apps/cli/src/run-cli.ts';
import { freePort } from '../hosts/free-port.ts';
import { signalAll } from '../hosts/signal-all.ts';
import { shortDirectory } from '../hosts/six-hosts.ts';

const LIMIT_MS = 60_000;
const LOOK_MS = 150;
const HOST: HostPlan = { name: 'localhost', address: '127.0.0.1', namespace: null };
const PASSWORDS = { superuser: 'of both', replication: 'of both', rewind: 'of both' };
const CLUSTERS = ['main', 'dr'] as const;
export type PairName = (typeof CLUSTERS)[number];

/** Two clusters of two instances, alike in name, under one controller; real processes, on loopback. */
export class ClusterPair {
  /** By configuration file: the names are alike. */
  readonly #processes = new Map<string, SupervisedProcess>();

  private constructor(
    readonly directory: string,
    readonly plans: Readonly<Record<PairName, ClusterPlan>>,
  ) {}

  /** @param sites addresses of the instances of `main`, with one port for both; else loopback, a port each */
  static async create(sites: readonly string[] = []): Promise<ClusterPair> {
    const directory = shortDirectory();
    const controllers = [{ host: HOST, tlsPort: await freePort(), httpPort: await freePort() }];
    const instances = async () => [
      { host: HOST, agentPort: await freePort(), postgresPort: await freePort() },
      { host: HOST, agentPort: await freePort(), postgresPort: await freePort() },
    ];
    const main = clusterPlan({
      ...{ cluster: 'main', directory, controllers },
      instances: sites.length === 0 ? await instances() : await instancesAt(sites),
    });
    const dr = clusterPlan({
      ...{ cluster: 'dr', directory: join(directory, 'dr'), controllers },
      instances: await instances(),
    });
    const { certificatesDirectory } = main;
    return new ClusterPair(directory, { main, dr: { ...dr, certificatesDirectory } });
  }

  /** The controller and the agents of both; `dr` is to follow wherever `main` has its primary. */
  async start(): Promise<void> {
    const user = postgresOsUser();
    const { main, dr } = this.plans;
    makeDirectories(main, user);
    makeDirectories({ ...dr, controllers: [] }, user);
    await writeCertificates(main, user);
    await this.#issue(dr, user);
    for (const controller of main.controllers) {
      writeFileSync(controller.configFile, controllerYaml(main, controller));
      this.#run(controller, controllerArgv(controller));
    }
    for (const plan of [main, dr]) {
      for (const instance of plan.instances) {
        writeFileSync(instance.configFile, agentYaml(plan, instance, user.name));
      }
      giveTo(user, plan.logsDirectory);
    }
  }

  startAgents(name: PairName): void {
    const plan = this.plans[name];
    for (const instance of plan.instances) this.#run(instance, agentArgv(instance, this.directory));
  }

  /** By the command line, as an operator would. */
  async createCluster(
    name: PairName,
    standbyOf: { readonly host?: string; readonly port: number } | null,
  ): Promise<void> {
    const { clusterFile } = this.plans[name];
    const parts = { passwords: PASSWORDS, clientNetwork: '127.0.0.1/32', settings: {} };
    writeFileSync(clusterFile, clusterYaml(parts), { mode: 0o600 });
    if (standbyOf !== null) {
      const { host = '127.0.0.1', port } = standbyOf;
      appendFileSync(clusterFile, `standbyOf: {host: '${host}', port: ${port}}\n`);
    }
    await until(`cluster ${name}`, { limitMs: LIMIT_MS, intervalMs: LOOK_MS }, async () => {
      const { exitCode, said } = await this.matriarch(
        'cluster',
        'create',
        name,
        '--file',
        clusterFile,
      );
      return exitCode === 0 ? { value: true } : { instead: said };
    });
  }

  /** Exit code, the line of JSON, and everything for people. */
  async matriarch(...argv: string[]) {
    const { main } = this.plans;
    const [controller] = main.controllers;
    const { certificate, key } = certificateFiles(main, 'operator', OPERATOR_NAME);
    const api = `127.0.0.1:${controller?.httpPort}`;
    const identity = [
      '--api',
      api,
      '--cert',
      certificate,
      '--key',
      key,
      '--ca',
      authorityFile(main),
    ];
    const out: string[] = [];
    const err: string[] = [];
    const exitCode = await runCli([...identity, '--json', ...argv], {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
    });
    const text = out.join('');
    const result: unknown = text === '' ? null : JSON.parse(text);
    return { exitCode, result, said: `${text}${err.join('')}` };
  }

  async status(): Promise<StatusAnswer> {
    const [controller] = this.plans.main.controllers;
    const answer = await fetch(`http://127.0.0.1:${controller?.httpPort}/api/v1/status`);
    return statusAnswer.parse(await answer.json());
  }

  /** Until the controllers show the cluster so. */
  async untilSeen(
    what: string,
    name: PairName,
    holds: (cluster: ClusterView) => boolean,
  ): Promise<ClusterView> {
    return until(what, { limitMs: LIMIT_MS, intervalMs: LOOK_MS }, async () => {
      try {
        const { clusters } = await this.status();
        const cluster = clusters.find((one) => one.name === name);
        if (cluster !== undefined && holds(cluster)) return { value: cluster };
        return { instead: JSON.stringify(cluster) };
      } catch (error) {
        return { instead: messageOf(error) };
      }
    });
  }

  instance(name: PairName, instance: string): InstancePlan {
    const found = this.plans[name].instances.find((one) => one.name === instance);
    if (found === undefined) throw new Error(`no ${instance} in ${name}`);
    return found;
  }

  async sql<Row extends object>(
    { host: { address: host }, postgresPort: port }: InstancePlan,
    text: string,
  ): Promise<Row[]> {
    const { superuser: password } = PASSWORDS;
    const client = new Client({ host, port, user: 'postgres', password });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** Until PostgreSQL answers `text` with true. */
  async untilHolds(instance: InstancePlan, text: string, limitMs = LIMIT_MS): Promise<void> {
    await until(text, { limitMs, intervalMs: LOOK_MS }, async () => {
      try {
        const [row] = await this.sql<{ holds: boolean }>(instance, text);
        return row?.holds === true ? { value: true } : { instead: JSON.stringify(row) };
      } catch (error) {
        return { instead: messageOf(error) };
      }
    });
  }

  /** As if its host were gone: agent, guard and PostgreSQL. */
  async kill(instance: InstancePlan): Promise<void> {
    await this.#processes.get(instance.configFile)?.killForGood();
    const guard = guardPid(instance);
    if (guard !== null) signalAll([guard], 'SIGKILL');
  }

  restart(instance: InstancePlan): void {
    this.#processes.get(instance.configFile)?.start();
  }

  /** The agent's own endpoint; 0 while it does not listen. */
  async health({ host, agentPort }: InstancePlan, path: string): Promise<number> {
    const response = await fetch(`http://${host.address}:${agentPort}${path}`).catch(() => null);
    await response?.arrayBuffer();
    return response?.status ?? 0;
  }

  async metrics(port: number): Promise<string> {
    return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  }

  async remove(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((one) => one.killForGood()));
    for (const plan of Object.values(this.plans)) {
      for (const instance of plan.instances) {
        const guard = guardPid(instance);
        if (guard !== null) signalAll([guard], 'SIGKILL');
      }
    }
    await until('the end of all', { limitMs: LIMIT_MS }, async () => {
      const left = processesIn(this.directory);
      signalAll(
        left.map(({ pid }) => pid),
        'SIGKILL',
      );
      return left.length === 0 ? { value: true } : { instead: JSON.stringify(left) };
    });
    if (process.env['MATRIARCH_KEEP'] === undefined) {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  /** Of the same authority: only the name tells an instance from the one of the other cluster. */
  async #issue({ cluster, instances }: ClusterPlan, user: OsUser): Promise<void> {
    const authority = await openAuthority(this.plans.main.certificatesDirectory);
    const now = epochMs(Date.now());
    for (const { name: instance } of instances) {
      for (const role of ['agent', 'guard'] as const) {
        const request = {
          authority,
          role,
          name: `${cluster}/${instance}`,
          hosts: ['127.0.0.1'],
          now,
        };
        const { certPath, keyPath } = await issueCertificate(request);
        giveTo(user, certPath);
        giveTo(user, keyPath);
      }
    }
  }

  #run(plan: ControllerPlan | InstancePlan, argv: string[]): void {
    const { name, logFile, configFile } = plan;
    const one = new SupervisedProcess({ name, argv, logFile, restartPauseMs: 500 });
    this.#processes.set(configFile, one);
    one.start();
  }
}

/** Loopback has many addresses: hosts with the same port, as real ones have. */
async function instancesAt(addresses: readonly string[]) {
  const postgresPort = await freePort();
  const agentPort = await freePort();
  return addresses.map((address) => ({ host: { ...HOST, address }, agentPort, postgresPort }));
}
