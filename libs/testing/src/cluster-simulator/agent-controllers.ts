import { type AgentReport, type ClusterState, evolve, type RecordedEvent } from '#libs/cluster';
import { LeaderView } from '#libs/lease';
import type { Confirmation } from '#libs/protocol';
import type { AgentLife } from './agent-life.ts';
import type { ControllerLife } from './controller-life.ts';
import type { SimController } from './sim-controller.ts';
import { StepError } from './step-error.ts';

/** Asked about once more, of leader and guard. */
export type Destroying = 'rewind' | 'rebuild' | 'putBack';

const LINK_CHECK_MS = 200;
const LEADER_ANSWER_MS = 1_500;
const SUBSCRIBE_ANSWER_MS = 2_000;

/** The controllers as an agent knows them: links, who leads, the state it follows, confirmations. */
export class AgentControllers {
  #askingFor: number | null = null;
  #source: ControllerLife | null = null;
  /** Of a subscription that was not answered yet. */
  #subscribing = 0;
  #subscriptions = 0;
  readonly #leader = new LeaderView();
  readonly #up = new Map<SimController, ControllerLife>();

  constructor(readonly life: AgentLife) {}

  get source(): ControllerLife | null {
    return this.#source;
  }

  report(leader: ControllerLife, report: AgentReport): void {
    this.#ask(leader, (life) =>
      life.agents.report(this.life, report, { answer: (confirmation) => this.#note(confirmation) }),
    );
  }

  get leader(): ControllerLife | null {
    const { name } = this.#leader;
    for (const [controller, life] of this.#up) if (controller.name === name) return life;
    return null;
  }

  leaderNamed(name: string | null, term: number, from: ControllerLife): void {
    if (!this.#leader.told(name, term, from.seat.name)) return;
    this.#followLeader();
    this.life.reports.report();
    this.life.evaluate();
  }

  eventsCame(events: readonly RecordedEvent[], from: ControllerLife): void {
    const known = this.life.state?.sequence ?? 0;
    const fresh = events.filter(({ sequence }) => sequence > known);
    const [first] = fresh;
    if (first === undefined) return;
    if (first.sequence > known + 1) {
      if (this.#source === from) this.#subscribe(from);
      return;
    }
    let { state } = this.life;
    for (const event of fresh) state = evolve(state, event);
    if (state !== null) this.#adopt(state);
  }

  /** An answer belongs to one question: that of an earlier connection says nothing of the present one. */
  #subscribed(asked: number, state: ClusterState | null, from: ControllerLife): void {
    if (this.#source !== from || asked !== this.#subscriptions) return;
    this.#subscribing = 0;
    if (state !== null) this.#adopt(state);
  }

  #adopt(state: ClusterState): void {
    this.life.node.files.state = state;
    this.life.evaluate();
  }

  #followLeader(): void {
    const { leader } = this;
    if (leader !== null) this.#subscribe(leader);
  }

  #subscribe(from: ControllerLife): void {
    this.#source = from;
    this.#subscriptions += 1;
    const mine = this.#subscriptions;
    this.#subscribing = mine;
    this.life.process.after(SUBSCRIBE_ANSWER_MS, () => {
      if (this.#subscribing === mine) this.#source = null;
    });
    const sequence = this.life.state?.sequence ?? 0;
    this.#ask(from, (life) =>
      life.agents.subscribe(this.life, sequence, (state) => this.#subscribed(mine, state, from)),
    );
  }

  #ask(controller: ControllerLife, run: (life: ControllerLife) => void): void {
    controller.seat.deliverFrom(this.life.node.host, (life) => {
      if (life === controller) run(life);
    });
  }

  linkLost(controller: SimController): void {
    this.life.process.after(LINK_CHECK_MS, () => {
      this.#up.delete(controller);
      if (this.#source?.seat === controller) this.#source = null;
    });
  }

  linkLoop(): void {
    const { controllers, network } = this.life.world;
    for (const controller of controllers) {
      const { life } = controller;
      const open = life !== null && network.connects(this.life.node.host, controller.host);
      if (!open || this.#up.get(controller) !== life) this.#up.delete(controller);
      if (open && life !== null && !this.#up.has(controller)) {
        this.#up.set(controller, life);
        this.#ask(life, (at) => at.agents.agentConnected(this.life));
      }
    }
    const source = this.#source;
    if (source === null || this.#up.get(source.seat) !== source) {
      const next = this.leader ?? [...this.#up.values()][0];
      if (next !== undefined) this.#subscribe(next);
    }
    this.life.watchGuard();
    this.life.process.after(LINK_CHECK_MS, () => this.linkLoop());
  }

  askConfirmation(sequence: number): void {
    const { leader } = this;
    if (this.#askingFor === sequence || leader === null) return;
    this.#askingFor = sequence;
    const done = (): void => {
      if (this.#askingFor === sequence) this.#askingFor = null;
    };
    this.#ask(leader, (life) =>
      life.agents.askConfirmation(this.life, {
        answer: (confirmation) => {
          done();
          this.#note(confirmation);
        },
      }),
    );
    this.life.process.after(LEADER_ANSWER_MS, done);
  }

  #note(confirmation: Confirmation): void {
    const known = this.life.confirmed;
    if (known !== null && confirmation.sequence < known.sequence) return;
    this.life.confirmed = confirmation;
    this.life.prober.told(confirmation.primarySuspected === true);
    (this.life.confirmations as { latest: Confirmation | null }).latest = confirmation;
    if (confirmation.sequence !== known?.sequence) this.life.evaluate();
  }

  askDestruction(step: Destroying, version: number): Promise<boolean> {
    const { leader } = this;
    if (leader === null) return Promise.reject(new StepError('no leader', true));
    return this.life.answerOf<boolean>(LEADER_ANSWER_MS, (take) =>
      this.#ask(leader, (life) => life.agents.askDestruction(this.life, { step, version }, take)),
    );
  }
}
