import { AgentClient, GuardClient, initialisedReport, reportOf } from './clients.ts';
import { definition, OPERATOR } from './cluster-definition.ts';
import type { ControllerProcesses } from './controller-processes.ts';
import { until } from './controllers.ts';
import { ask } from './http.ts';

const CLUSTER = 'main';
const INSTANCE = 'main/pg1';
const INCARNATION = 'guard-of-pg1';
const RENEW_MS = 200;

/** The holder of a first lease, as far as controllers see it: it renews with all of them, as guards do. */
export class RenewingGuard {
  renewed = 0;
  longestGapMs = 0;
  #lastMs = performance.now();
  #nonce = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  private constructor(
    private readonly processes: ControllerProcesses,
    private readonly links: readonly GuardClient[],
  ) {}

  /** Creates the cluster, has its first epoch granted and begins to renew it. */
  static async hold(processes: ControllerProcesses, leaseTtlMs: number): Promise<RenewingGuard> {
    try {
      return await RenewingGuard.#hold(processes, leaseTtlMs);
    } catch (error) {
      // The logs go with the test: whoever reads of it later has this only.
      for (const name of processes.names) {
        console.error(`${name} runs: ${processes.isRunning(name)}\n${processes.log(name)}`);
      }
      throw error;
    }
  }

  static async #hold(processes: ControllerProcesses, leaseTtlMs: number): Promise<RenewingGuard> {
    const { group, names } = processes;
    const body = definition(CLUSTER, { leaseTtlMs });
    await until('the cluster is created', async () => {
      const order = { method: 'POST', path: '/api/v1/clusters', body, as: OPERATOR } as const;
      return (await ask(group, await processes.leader(), order)).status === 201;
    });
    const links = await Promise.all(names.map((to) => GuardClient.connect(group, INSTANCE, to)));
    const guard = new RenewingGuard(processes, links);
    const agent = await AgentClient.connect(group, INSTANCE, await processes.leader());
    await until('the bootstrap begins', async () => {
      await agent.ask('report', reportOf('pg1'));
      return (await guard.events()).includes('BootstrapStarted');
    });
    await agent.ask('report', initialisedReport('pg1'));
    await until('the lease is granted', async () => {
      return (await guard.events()).includes('LeaseGranted');
    });
    agent.close();
    guard.#timer = setInterval(() => guard.#renew(), RENEW_MS);
    return guard;
  }

  /** Kinds of everything that was recorded of the cluster. */
  async events(): Promise<readonly string[]> {
    const path = `/api/v1/clusters/${CLUSTER}/events?limit=1000`;
    const leader = await this.processes.leader();
    const { body } = await ask(this.processes.group, leader, { method: 'GET', path });
    const { events } = JSON.parse(body) as { events: { event: { type: string } }[] };
    return events.map(({ event }) => event.type);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const link of this.links) link.close();
  }

  #renew(): void {
    const before = this.renewed;
    const nowMs = performance.now();
    for (const link of this.links) {
      this.renewed += link.answers.filter(({ type }) => type === 'renewed').length;
      link.answers.length = 0;
      this.#nonce += 1;
      link.sendRenewal(1, INCARNATION, this.#nonce);
    }
    if (this.renewed > before) this.#lastMs = nowMs;
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastMs);
  }
}
