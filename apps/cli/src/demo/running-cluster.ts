import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { messageOf } from '#libs/kernel';
import {
  type ClusterObservation,
  type Credentials,
  type DatabaseHost,
  HostWatch,
  observeHosts,
} from '#libs/outage';
import type { OsUser } from '#libs/process';
import { writeCertificates } from './certificates.ts';
import type { ClusterApi } from './cluster-api.ts';
import { agentYaml, clusterYaml, controllerYaml, type Passwords } from './config-files.ts';
import { giveTo, makeDirectories, postgresOsUser } from './directories.ts';
import { guardPid, isAlive, postmasterPid, processesIn } from './instance-processes.ts';
import { agentArgv, controllerArgv } from './launch.ts';
import type { ClusterPlan, HostPlan, InstancePlan } from './plan.ts';
import { SupervisedProcess } from './supervised-process.ts';
import { type Look, type UntilOptions, until } from './until.ts';

export type RunningClusterOptions = {
  /** From where the writing client connects, as pg_hba.conf spells it. */
  readonly clientNetwork: string;
  readonly settings?: Readonly<Record<string, number | string | boolean>>;
  readonly more?: Readonly<Record<string, unknown>>;
  /** Of the processes on a host; default: ours. */
  readonly environmentOf?: (host: HostPlan) => NodeJS.ProcessEnv;
  readonly restartPauseMs?: number;
};

/** As systemd's RestartSec of our units. */
const RESTART_PAUSE_MS = 500;
const CREATE_LIMIT_MS = 15_000;
const CREATE_RETRY_MS = 50;
const GUARD_STOP_LIMIT_MS = 40_000;

/** Real controllers, agents, guards and PostgreSQL instances, as a plan places them. */
export class RunningCluster {
  readonly plan: ClusterPlan;
  readonly credentials: Credentials;
  readonly databaseHosts: readonly DatabaseHost[];
  readonly controllers: ReadonlyMap<string, SupervisedProcess>;
  readonly agents: ReadonlyMap<string, SupervisedProcess>;
  readonly #options: RunningClusterOptions;
  readonly #user: OsUser = postgresOsUser();
  readonly #passwords: Passwords = {
    superuser: randomBytes(12).toString('hex'),
    replication: randomBytes(12).toString('hex'),
    rewind: randomBytes(12).toString('hex'),
  };

  constructor(plan: ClusterPlan, options: RunningClusterOptions) {
    this.plan = plan;
    this.#options = options;
    const { superuser: password } = this.#passwords;
    this.credentials = { user: 'postgres', password, database: 'postgres' };
    this.databaseHosts = plan.instances.map(({ name, host, postgresPort }) => ({
      name,
      host: host.address,
      port: postgresPort,
    }));
    this.controllers = supervised(plan.controllers, controllerArgv, options);
    const argv = (instance: InstancePlan) => agentArgv(instance, plan.directory);
    this.agents = supervised(plan.instances, argv, options);
  }

  /** Directories, certificates and the files that a real installation has too. */
  async prepare(): Promise<void> {
    const { plan } = this;
    makeDirectories(plan, this.#user);
    await writeCertificates(plan, this.#user);
    for (const controller of plan.controllers) {
      writeFileSync(controller.configFile, controllerYaml(plan, controller));
    }
    for (const instance of plan.instances) {
      writeFileSync(instance.configFile, agentYaml(plan, instance, this.#user.name));
    }
    const { clientNetwork, settings = {}, more = {} } = this.#options;
    const yaml = clusterYaml({ passwords: this.#passwords, clientNetwork, settings, more });
    writeFileSync(plan.clusterFile, yaml, { mode: 0o600 });
    giveTo(this.#user, plan.logsDirectory);
  }

  /** Starts every process at once and creates the cluster as soon as a controller leads. */
  async start(api: ClusterApi, signal?: AbortSignal): Promise<void> {
    for (const process of [...this.controllers.values(), ...this.agents.values()]) process.start();
    const options = { limitMs: CREATE_LIMIT_MS, intervalMs: CREATE_RETRY_MS };
    await until('the cluster', { ...options, ...(signal && { signal }) }, async () => {
      try {
        await api.createCluster();
        return { value: true };
      } catch (error) {
        return { instead: messageOf(error) };
      }
    });
  }

  async observe(): Promise<ClusterObservation> {
    return await observeHosts(this.databaseHosts, this.credentials);
  }

  /** @returns the primary, once it streams to this many standbys */
  async untilStreaming(standbys: number, limitMs: number, signal?: AbortSignal): Promise<string> {
    const what = `a primary with ${standbys} streaming standbys`;
    return await this.#untilSeen(what, { limitMs, ...(signal && { signal }) }, async (seen) => {
      return healthy(seen, standbys);
    });
  }

  /** As `untilStreaming` for all standbys, and the controllers have heard so from every agent. */
  async untilHealthy(api: ClusterApi, limitMs: number, signal?: AbortSignal): Promise<string> {
    const standbys = this.plan.instances.length - 1;
    const options = { limitMs, ...(signal && { signal }) };
    return await this.#untilSeen('a healthy cluster', options, async (observation) => {
      const seen = healthy(observation, standbys);
      if (!('value' in seen)) return seen;
      const trouble = await api.trouble(seen.value);
      return trouble === null ? seen : { instead: `by the controllers: ${trouble}` };
    });
  }

  async #untilSeen(
    what: string,
    options: UntilOptions,
    judge: (seen: ClusterObservation) => Promise<Look<string>>,
  ): Promise<string> {
    const watch = new HostWatch(this.databaseHosts, this.credentials);
    try {
      return await until(what, options, async () => judge(await watch.look()));
    } finally {
      watch.close();
    }
  }

  instance(name: string): InstancePlan {
    const found = this.plan.instances.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no instance '${name}' in the plan`);
    return found;
  }

  /**
   * Agents first, for they would start again what we stop; then guards, which stop PostgreSQL and give
   * the lease back, the primary's last so that no standby takes over; controllers at the end.
   *
   * @returns what had to be killed all the same, as command lines; empty when all went in order
   */
  async stop(): Promise<string[]> {
    const { primary } = await this.observe();
    await Promise.all([...this.agents.values()].map((agent) => agent.stop()));
    const standbys = this.plan.instances.filter(({ name }) => name !== primary);
    await Promise.all(standbys.map((instance) => stopGuard(instance)));
    await Promise.all(this.plan.instances.map((instance) => stopGuard(instance)));
    await Promise.all([...this.controllers.values()].map((controller) => controller.stop()));
    return killLeftOver(this.plan.directory);
  }
}

function killLeftOver(directory: string): string[] {
  const left = processesIn(directory);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  return left.map(({ command }) => command);
}

type SupervisedPlan = Pick<InstancePlan, 'name' | 'logFile' | 'host'>;

function supervised<Plan extends SupervisedPlan>(
  plans: readonly Plan[],
  argvOf: (plan: Plan) => string[],
  { restartPauseMs = RESTART_PAUSE_MS, environmentOf }: RunningClusterOptions,
): ReadonlyMap<string, SupervisedProcess> {
  return new Map(
    plans.map((plan) => {
      const { name, logFile, host } = plan;
      const env = environmentOf && { env: environmentOf(host) };
      const options = { name, argv: argvOf(plan), logFile, restartPauseMs, ...env };
      return [name, new SupervisedProcess(options)];
    }),
  );
}

function healthy(seen: ClusterObservation, standbys: number): Look<string> {
  if (seen.primary !== null && seen.streamingStandbys >= standbys) return { value: seen.primary };
  const hosts = seen.hosts.map((host) => {
    return `${host.name} ${host.kind === 'unreachable' ? host.why : JSON.stringify(host)}`;
  });
  return { instead: hosts.join('; ') };
}

/** A guard that does not go within its limit is killed: the kernel then ends its PostgreSQL. */
async function stopGuard(instance: InstancePlan): Promise<void> {
  const guard = guardPid(instance);
  if (guard === null) return;
  const postmaster = postmasterPid(instance);
  process.kill(guard, 'SIGTERM');
  const gone = async (): Promise<Look<true>> => {
    const alive = [guard, postmaster].filter((pid) => pid !== null && isAlive(pid));
    return alive.length === 0 ? { value: true } : { instead: `pids ${alive.join(', ')}` };
  };
  try {
    await until(`the end of ${instance.name}`, { limitMs: GUARD_STOP_LIMIT_MS }, gone);
  } catch {
    process.kill(guard, 'SIGKILL');
    await until(`the death of ${instance.name}`, { limitMs: GUARD_STOP_LIMIT_MS }, gone);
  }
}
