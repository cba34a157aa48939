import type { PrimaryProbes } from '#libs/cluster';
import { type ReceiverSight, Suspicion } from '#libs/reconcile';
import type { AgentLife } from './agent-life.ts';
import { between, count } from './cluster-world.ts';
import type { SimNode } from './sim-node.ts';

type Primary = { readonly node: SimNode; readonly epoch: PrimaryProbes['epoch'] };
type Finished = Omit<PrimaryProbes, 'ageMs' | 'primaryInstance' | 'epoch'> & {
  readonly begunMs: number;
};

/** Calls of a standby's agent to the primary, when the production rule sees reason to (safety 19). */
export class SimProber {
  #primary: Primary | null = null;
  #suspicion: Suspicion | null = null;
  #last: Finished | null = null;
  #running = false;
  #toldUntilMs = 0;
  #streamed = false;

  constructor(readonly life: AgentLife) {}

  get #suspectAfterMs(): number {
    return this.life.world.settings.suspectAfterMs;
  }

  get #nowMs(): number {
    return this.life.node.host.nowMs();
  }

  told(suspected: boolean): void {
    this.#toldUntilMs = suspected ? this.#nowMs + this.#suspectAfterMs : 0;
    if (suspected) this.turn();
  }

  turn(): void {
    const primary = this.#followPrimary();
    if (primary === null || this.#suspicion === null) return;
    const nowMs = this.#nowMs;
    const last = this.#last;
    const answered =
      last === null ? null : last.guardAnswered || last.agentAnswered || last.postgresAnswered;
    const sight = { nowMs, told: nowMs < this.#toldUntilMs, receiver: this.#receiver(), answered };
    if (this.#suspicion.isRoused(sight) && !this.#running) this.#probe(primary);
  }

  report(): PrimaryProbes | null {
    const [primary, last] = [this.#primary, this.#last];
    if (primary === null || last === null) return null;
    const { begunMs, ...found } = last;
    const ageMs = Math.round(this.#nowMs - begunMs);
    return { primaryInstance: primary.node.name, epoch: primary.epoch, ...found, ageMs };
  }

  #followPrimary(): Primary | null {
    const found = this.#primaryNow();
    if (found?.epoch !== this.#primary?.epoch || found?.node !== this.#primary?.node) {
      this.#suspicion = new Suspicion(this.#suspectAfterMs);
      this.#last = null;
      this.#streamed = false;
    }
    this.#primary = found;
    return found;
  }

  #primaryNow(): Primary | null {
    const { state, node, world } = this.life;
    if (state?.lease.kind !== 'Held' || state.lease.holder === node.name) return null;
    const { holder, epoch } = state.lease;
    const found = world.nodes.find(({ name }) => name === holder);
    return found === undefined ? null : { node: found, epoch };
  }

  #receiver(): ReceiverSight {
    const { postgres } = this.life.node;
    if (postgres.phase !== 'running' || postgres.role !== 'standby') return { kind: 'none' };
    const { receiver } = postgres;
    if (receiver !== null) {
      this.#streamed = true;
      const silentMs = this.life.world.scheduler.nowMs - receiver.heardAtMs;
      return { kind: 'streaming', silentMs };
    }
    const ours = postgres.directory.conninfo === null;
    return this.#streamed && !ours ? { kind: 'lost' } : { kind: 'none' };
  }

  #probe(primary: Primary): void {
    this.#running = true;
    count(this.life.world, 'probes');
    const begunMs = this.#nowMs;
    const answers = { guardAnswered: false, agentAnswered: false, postgresAnswered: false };
    let waiting = 2;
    const finish = (): void => {
      if (waiting <= 0) return;
      waiting = 0;
      this.#running = false;
      if (this.#primary?.epoch !== primary.epoch) return;
      const lost = this.#receiver().kind === 'lost';
      const receiverReset = lost && !answers.postgresAnswered;
      this.#last = { ...answers, receiverReset, begunMs };
      this.life.reports.report();
    };
    const answered = (): void => {
      if (waiting === 1) finish();
      else waiting -= 1;
    };
    this.#askAgent(primary.node, (guardAnswers) => {
      answers.agentAnswered = true;
      answers.guardAnswered = guardAnswers;
      answered();
    });
    this.#askPostgres(primary.node, (open) => {
      answers.postgresAnswered = open;
      answered();
    });
    this.life.process.after(Math.floor(this.#suspectAfterMs / 2), finish);
  }

  #askAgent(target: SimNode, take: (guardAnswers: boolean) => void): void {
    const { network } = this.life.world;
    const { host } = this.life.node;
    network.send(host, target.host, () =>
      target.agent.process.deliver(() => {
        const guardAnswers = target.agent.life?.guardAnswers === true;
        network.send(target.host, host, () => this.life.process.deliver(() => take(guardAnswers)));
      }),
    );
  }

  /** A port that nobody listens at is refused by the kernel; a frozen host says nothing. */
  #askPostgres(target: SimNode, take: (open: boolean) => void): void {
    const { world, node } = this.life;
    world.network.send(node.host, target.host, () => {
      if (target.host.frozen) return;
      const open = target.postgres.postmaster;
      world.scheduler.after(between(world, 0.2, 5), () =>
        world.network.send(target.host, node.host, () =>
          this.life.process.deliver(() => take(open)),
        ),
      );
    });
  }
}
