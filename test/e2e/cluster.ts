import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '#libs/kernel';
import { type ClientView, WritingClient } from '#libs/outage';
import { type RunResult, run } from '#libs/process';
import { OPERATOR_NAME } from '../../apps/cli/src/demo/certificates.ts';
import { authorityFile, certificateFiles } from '../../apps/cli/src/demo/config-files.ts';
import { type Fault, inflict } from '../../apps/cli/src/demo/faults.ts';
import { HttpClusterApi } from '../../apps/cli/src/demo/http-cluster-api.ts';
import { guardPid, isAlive, postmasterPid } from '../../apps/cli/src/demo/instance-processes.ts';
import { type ClusterPlan, type HostPlan, loopbackPlan } from '../../apps/cli/src/demo/plan.ts';
import { RunningCluster } from '../../apps/cli/src/demo/running-cluster.ts';
import type { SupervisedProcess } from '../../apps/cli/src/demo/supervised-process.ts';
import { until } from '../../apps/cli/src/demo/until.ts';
import { runCli } from '../../apps/cli/src/run-cli.ts';
import type { HostNetwork } from '../hosts/host-network.ts';
import { inNetworkOf } from '../hosts/namespaces.ts';
import { createSixHosts, planOn, shortDirectory } from '../hosts/six-hosts.ts';

const BOOTSTRAP_LIMIT_MS = 60_000;
const RECOVERY_LIMIT_MS = 60_000;
const NOISE_WINDOW_MS = 1_000;
/** Correction 10: what counts as no gap. */
const NO_GAP_MS = 100;
const PSQL_TIMEOUT_MS = 10_000;
/** Away from the ports of a demo that may run beside the tests. */
const LOOPBACK_BASE_PORT = 17_600;

/** What a test says of an outage: counted by the writing client since `mark`. */
export type Outage = { readonly gapMs: number; readonly dual: number; readonly lost: number };

/** Of the cluster file; defaults for what is left out. */
type Settings = Readonly<Record<string, number | string | boolean>>;

/** A whole cluster of real processes with a client that writes all the while. */
export class TestCluster {
  readonly running: RunningCluster;
  readonly api: HttpClusterApi;
  readonly client: WritingClient;
  /** Null on loopback. */
  readonly network: HostNetwork | null;
  #lostBefore = 0;
  #noiseMs = 0;

  private constructor(
    plan: ClusterPlan,
    network: HostNetwork | null,
    settings: Settings = {},
    more: Readonly<Record<string, unknown>> = {},
    environmentOf?: (process: string) => NodeJS.ProcessEnv,
  ) {
    const clientNetwork = network?.cidr ?? '127.0.0.1/32';
    this.network = network;
    const environment = environmentOf && {
      environmentOf: (host: HostPlan) => environmentOf(host.name),
    };
    this.running = new RunningCluster(plan, { clientNetwork, settings, more, ...environment });
    this.api = new HttpClusterApi(plan);
    const { databaseHosts: hosts, credentials } = this.running;
    this.client = new WritingClient({ hosts, credentials });
  }

  /** `more`: further keys of the cluster's file. */
  static onLoopback(
    settings: Settings = {},
    more: Readonly<Record<string, unknown>> = {},
  ): TestCluster {
    const plan = loopbackPlan(shortDirectory(), LOOPBACK_BASE_PORT);
    return new TestCluster(plan, null, settings, more);
  }

  /** On loopback, each controller and agent (with its guard) in an environment of its own. */
  static inEnvironments(environmentOf: (process: string) => NodeJS.ProcessEnv): TestCluster {
    const plan = loopbackPlan(shortDirectory(), LOOPBACK_BASE_PORT);
    const ofItsOwn = <P extends { readonly name: string; readonly host: HostPlan }>(one: P): P => ({
      ...one,
      host: { ...one.host, name: one.name },
    });
    const [controllers, instances] = [plan.controllers, plan.instances];
    const hosts = { controllers: controllers.map(ofItsOwn), instances: instances.map(ofItsOwn) };
    return new TestCluster({ ...plan, ...hosts }, null, {}, {}, environmentOf);
  }

  /** Six hosts, a network namespace each, with the ports that a real host would use. */
  static async inNamespaces(settings: Settings = {}): Promise<TestCluster> {
    const network = await createSixHosts();
    return new TestCluster(planOn(network, shortDirectory()), network, settings);
  }

  /** From nothing to a primary with two streaming standbys and rows coming in. */
  async bootstrap(): Promise<string> {
    await this.running.prepare();
    await this.running.start(this.api);
    const primary = await this.running.untilStreaming(2, BOOTSTRAP_LIMIT_MS);
    await this.client.prepare(primary);
    this.client.start();
    await this.untilWritten();
    return primary;
  }

  /**
   * Begins a new measurement on a healthy cluster; returns its primary. The gap that a machine busy
   * with other things makes without any fault is measured first: it is no outage.
   */
  async healthy(): Promise<string> {
    const primary = await this.running.untilHealthy(this.api, RECOVERY_LIMIT_MS);
    await this.untilWritten();
    this.#lostBefore = await this.#countLost(primary);
    this.client.mark();
    await pause(NOISE_WINDOW_MS);
    this.#noiseMs = this.client.view().gapMs;
    this.client.mark();
    return primary;
  }

  /** Up to here a gap is none: 100 ms, or thrice what the machine showed before the fault. */
  get noGapMs(): number {
    return Math.max(NO_GAP_MS, 3 * this.#noiseMs);
  }

  async inflict(fault: Fault): Promise<string> {
    return await inflict(fault, this.running, this.api);
  }

  /** Waits until this many standbys stream, then says what the client saw since `healthy`. */
  async recovered(what: string, standbys = 2): Promise<Outage & { readonly primary: string }> {
    const primary = await this.running.untilStreaming(standbys, RECOVERY_LIMIT_MS);
    await this.untilWritten();
    const { gapMs, dual } = this.client.view();
    const lost = (await this.#countLost(primary)) - this.#lostBefore;
    const noise = `${Math.round(this.#noiseMs)} ms without a fault`;
    console.info(`${what}: gap ${Math.round(gapMs)} ms (${noise}), dual ${dual}, lost ${lost}`);
    return { primary, gapMs: Math.round(gapMs), dual, lost };
  }

  /** A connection may take longer than the client's limit on a machine that does much else. */
  async #countLost(primary: string): Promise<number> {
    return await until('a count of the rows', { limitMs: RECOVERY_LIMIT_MS }, async () => {
      try {
        return { value: await this.client.countLost(primary) };
      } catch (error) {
        return { instead: messageOf(error) };
      }
    });
  }

  /** Until a row that was not sent yet is acknowledged. */
  async untilWritten(): Promise<ClientView> {
    const { totalAcknowledged: before } = this.client.view();
    return await until('an acknowledged row', { limitMs: RECOVERY_LIMIT_MS }, async () => {
      const view = this.client.view();
      const refusals = JSON.stringify([...view.refusals]);
      return view.totalAcknowledged > before ? { value: view } : { instead: refusals };
    });
  }

  async untilPrimaryIsNot(name: string): Promise<string> {
    return await until(`a primary other than ${name}`, { limitMs: RECOVERY_LIMIT_MS }, async () => {
      const { primary, hosts } = await this.running.observe();
      return primary !== null && primary !== name
        ? { value: primary }
        : { instead: JSON.stringify(hosts) };
    });
  }

  /** The command line as an operator uses it: its one line of JSON, and the exit code. */
  async matriarch(...argv: string[]): Promise<{ exitCode: number; result: unknown }> {
    const { controllers } = this.running.plan;
    const api = controllers.map(({ host, httpPort }) => `${host.address}:${httpPort}`).join(',');
    const { certificate, key } = certificateFiles(this.running.plan, 'operator', OPERATOR_NAME);
    const ca = authorityFile(this.running.plan);
    const identity = ['--api', api, '--cert', certificate, '--key', key, '--ca', ca];
    const out: string[] = [];
    const err: string[] = [];
    const exitCode = await runCli([...identity, '--json', ...argv], {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
    });
    if (out.length === 0) throw new Error(`${argv.join(' ')}: ${err.join('')}`);
    return { exitCode, result: JSON.parse(out.join('')) };
  }

  async leader(): Promise<string> {
    return await until('a leading controller', { limitMs: RECOVERY_LIMIT_MS }, async () => {
      // All of them may be starting.
      const leader = await this.api.leader().catch((error: unknown) => messageOf(error));
      const known = this.running.controllers.has(leader ?? '');
      return leader !== null && known ? { value: leader } : { instead: `${leader}` };
    });
  }

  /**
   * Writes on the instance's own host, whatever its link, until it refuses.
   *
   * @returns how many rows it acknowledged
   */
  async writeLocally(instance: string, run: number): Promise<number> {
    const { host, postgresPort } = this.running.instance(instance);
    const insert = (id: number): string =>
      `insert into matriarch_probe (run, id, host) values (${run}, ${id}, 'local')`;
    for (let written = 0; ; written += 1) {
      const { exitCode } = await this.#psql(host, postgresPort, insert(written));
      if (exitCode !== 0) return written;
    }
  }

  async countRows(instance: string, run: number): Promise<number> {
    const { host, postgresPort } = this.running.instance(instance);
    const count = `select count(*) from matriarch_probe where run = ${run}`;
    return Number((await this.#psql(host, postgresPort, count)).stdout);
  }

  agent(instance: string): SupervisedProcess {
    const agent = this.running.agents.get(instance);
    if (agent === undefined) throw new Error(`no agent of '${instance}'`);
    return agent;
  }

  guardPid(instance: string): number | null {
    return guardPid(this.running.instance(instance));
  }

  postmasterPid(instance: string): number | null {
    return postmasterPid(this.running.instance(instance));
  }

  isAlive(pid: number): boolean {
    return isAlive(pid);
  }

  /** Host of an instance, as the network knows it. */
  hostOf(instance: string): string {
    return this.running.instance(instance).host.name;
  }

  /** Host of a controller, as the network knows it. */
  hostOfController(name: string): string {
    const found = this.running.plan.controllers.find((controller) => controller.name === name);
    if (found === undefined) throw new Error(`no controller '${name}'`);
    return found.host.name;
  }

  /** In one session; what it says, without the line's end. */
  async sql(instance: string, ...commands: readonly string[]): Promise<string> {
    const { host, postgresPort } = this.running.instance(instance);
    const { exitCode, stdout, stderr } = await this.#psql(host, postgresPort, ...commands);
    if (exitCode !== 0) throw new Error(`${commands.join('; ')} on ${instance}: ${stderr}`);
    return stdout.trim();
  }

  async #psql(host: HostPlan, port: number, ...commands: readonly string[]): Promise<RunResult> {
    const { user, password, database } = this.running.credentials;
    const to = ['-h', host.address, '-p', String(port), '-U', user, '-d', database];
    const sql = ['-v', 'ON_ERROR_STOP=1', ...commands.flatMap((command) => ['-c', command])];
    return await run([...inNetworkOf(host), 'psql', '-XqAt', ...to, ...sql], {
      timeoutMs: PSQL_TIMEOUT_MS,
      env: { ...process.env, PGPASSWORD: password, PGCONNECT_TIMEOUT: '2' },
      acceptExitCodes: [0, 1, 2, 3],
    });
  }

  /**
   * Stops everything in order and removes it. A process that is left over fails the test that left it;
   * the directory of a failed run is kept where its logs are wanted (`MATRIARCH_KEEP`).
   */
  async remove(): Promise<void> {
    try {
      await this.stop();
    } finally {
      this.removeFiles();
    }
  }

  /** As `remove`, with the files left: disks may have to be unmounted between. */
  async stop(): Promise<void> {
    let left: string[] = [];
    await this.client.stop();
    try {
      left = await this.running.stop();
    } finally {
      await this.network?.remove();
    }
    if (left.length > 0) throw new Error(`left running: ${JSON.stringify(left)}`);
  }

  removeFiles(): void {
    if (process.env['MATRIARCH_KEEP'] !== undefined) return;
    rmSync(this.running.plan.directory, { recursive: true, force: true });
  }
}
