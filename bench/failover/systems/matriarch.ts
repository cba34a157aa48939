import { rmSync } from 'node:fs';
import { DEFAULT_SETTINGS } from '#libs/cluster';
import { HttpClusterApi } from '../../../apps/cli/src/demo/http-cluster-api.ts';
import { guardPid } from '../../../apps/cli/src/demo/instance-processes.ts';
import type { InstancePlan } from '../../../apps/cli/src/demo/plan.ts';
import {
  RunningCluster,
  type RunningClusterOptions,
} from '../../../apps/cli/src/demo/running-cluster.ts';
import type { SupervisedProcess } from '../../../apps/cli/src/demo/supervised-process.ts';
import type { HostNetwork } from '../../../test/hosts/host-network.ts';
import { planOn, shortDirectory } from '../../../test/hosts/six-hosts.ts';
import { FAULTS, type Mode } from '../fault.ts';
import { type ManagerProcess, SystemUnderTest } from './system.ts';

/** Everything else has its default. */
const SETTINGS_OF_MODE: Readonly<Record<Mode, Readonly<Record<string, string>>>> = {
  async: {},
  sync: { synchronousMode: 'priority' },
  quorum: { synchronousMode: 'quorum' },
};

/** Ours, with default settings; its processes are started again half a second after they end. */
export class Matriarch extends SystemUnderTest {
  readonly system = 'matriarch';
  readonly faults = FAULTS;
  readonly beatMs = DEFAULT_SETTINGS.renewIntervalMs;
  readonly cluster: RunningCluster;
  readonly api: HttpClusterApi;
  /** Set before `stop`: its files are somebody's evidence then. */
  keepFiles = false;
  #sequence = 0;

  constructor(
    network: HostNetwork,
    readonly mode: Mode,
    options: Pick<RunningClusterOptions, 'environmentOf'> = {},
  ) {
    super(network);
    const plan = planOn(network, shortDirectory());
    const settings = SETTINGS_OF_MODE[mode];
    this.cluster = new RunningCluster(plan, { clientNetwork: network.cidr, settings, ...options });
    this.api = new HttpClusterApi(plan);
  }

  get databases() {
    return this.cluster.databaseHosts.map((database) => ({
      ...database,
      name: this.cluster.instance(database.name).host.name,
    }));
  }

  get credentials() {
    return this.cluster.credentials;
  }

  /** Certificates and configuration files are there before, as on a host that is installed. */
  async prepare(): Promise<void> {
    await this.cluster.prepare();
  }

  override async start(): Promise<void> {
    await this.cluster.start(this.api);
  }

  override async stop(): Promise<void> {
    const killed = await this.cluster.stop();
    const { directory } = this.cluster.plan;
    if (!this.keepFiles) rmSync(directory, { recursive: true, force: true });
    if (killed.length > 0) throw new Error(`left running: ${JSON.stringify(killed)}`);
  }

  override holdDown(host: string): void {
    for (const process of this.#processesOn(host)) process.hold();
  }

  override async startAgain(host: string): Promise<void> {
    for (const process of this.#processesOn(host)) process.start();
  }

  override async switchover(): Promise<void> {
    await this.api.switchover();
  }

  override async leaderHost(): Promise<string> {
    return (await this.#leader()).host.name;
  }

  override async killLeader(): Promise<string> {
    const { name } = await this.#leader();
    this.cluster.controllers.get(name)?.signal('SIGKILL');
    return `controller ${name} killed`;
  }

  override pidOf(what: ManagerProcess, host: string): number | null {
    const instance = this.#instanceOn(host);
    if (what === 'guard') return guardPid(instance);
    return this.cluster.agents.get(instance.name)?.pid ?? null;
  }

  controllerPid(host: string): number | null {
    const { plan, controllers } = this.cluster;
    const here = plan.controllers.find((controller) => controller.host.name === host);
    return here === undefined ? null : (controllers.get(here.name)?.pid ?? null);
  }

  override dataDirectory(host: string): string {
    return this.#instanceOn(host).dataDirectory;
  }

  override async phasesMs(): Promise<Readonly<Record<string, number>> | null> {
    const { events } = await this.api.events(this.#sequence);
    this.#sequence = events.at(-1)?.sequence ?? this.#sequence;
    const completed = events.findLast(({ event }) => {
      return event['type'] === 'FailoverCompleted' || event['type'] === 'SwitchoverCompleted';
    });
    const phases = completed?.event['phasesMs'];
    return phases === undefined ? null : (phases as Record<string, number>);
  }

  override async trouble(primary: string): Promise<string | null> {
    return await this.api.trouble(this.#instanceOn(primary).name);
  }

  async #leader() {
    const name = await this.api.leader();
    const leader = this.cluster.plan.controllers.find((controller) => controller.name === name);
    if (leader === undefined) throw new Error('no controller leads right now');
    return leader;
  }

  #instanceOn(host: string): InstancePlan {
    const found = this.cluster.plan.instances.find((instance) => instance.host.name === host);
    if (found === undefined) throw new Error(`no instance on host '${host}'`);
    return found;
  }

  #processesOn(host: string): SupervisedProcess[] {
    const { plan, agents, controllers } = this.cluster;
    const here = [...plan.instances, ...plan.controllers].filter((part) => part.host.name === host);
    return here.flatMap(({ name }) => agents.get(name) ?? controllers.get(name) ?? []);
  }
}
