import { AgentLife } from './agent-life.ts';
import type { ClusterWorld } from './cluster-world.ts';
import type { GuardLife, GuardView } from './sim-guard.ts';
import { SimProcess } from './sim-host.ts';
import type { SimNode } from './sim-node.ts';

const SPAWN_MS = 60;

/** The agent of one instance over all its lives. */
export class SimAgent {
  readonly process: SimProcess;
  life: AgentLife | null = null;

  constructor(
    readonly node: SimNode,
    readonly world: ClusterWorld,
  ) {
    this.process = new SimProcess(node.host, 'agent', true);
  }

  start(): void {
    if (this.process.alive || !this.node.host.up) return;
    this.process.begin();
    this.process.after(SPAWN_MS, () => {
      this.life = new AgentLife(this);
      this.life.begin();
    });
  }

  kill(): void {
    this.process.end();
    this.life = null;
  }

  guardGone(): void {
    const { life } = this;
    if (life !== null) this.process.deliver(() => life.guardGone());
  }

  guardAttached(): void {
    const { life } = this;
    if (life !== null) this.process.deliver(() => life.attach());
  }

  guardSaid(from: GuardLife, view: GuardView): void {
    const { life } = this;
    if (life !== null) this.process.deliver(() => life.guardSaid(from, view));
  }
}
