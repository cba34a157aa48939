import type { ClusterState, DetachedProof, Goal } from '#libs/cluster';
import type { Epoch, Lsn } from '#libs/kernel';
import type { Confirmation, LocalAnswer, LocalRequest } from '#libs/protocol';
import { type ConfirmedSequences, Reconciler } from '#libs/reconcile';
import { AgentControllers } from './agent-controllers.ts';
import { AgentEyes, type Snapshot } from './agent-eyes.ts';
import { AgentReports } from './agent-reports.ts';
import { type ClusterWorld, count, say } from './cluster-world.ts';
import type { SimAgent } from './sim-agent.ts';
import type { GuardLife, GuardView } from './sim-guard.ts';
import type { SimProcess } from './sim-host.ts';
import type { SimNode } from './sim-node.ts';
import { SimProber } from './sim-prober.ts';
import { SimSteps } from './sim-steps.ts';
import { StepError } from './step-error.ts';
import type { SyncFacts } from './sync-steps.ts';

const LINK_CHECK_MS = 200;
const GUARD_SILENCE_MS = 800;

/** A running agent: the production reconciler over simulated eyes and hands. */
export class AgentLife {
  readonly process: SimProcess;
  readonly facts: {
    detached: DetachedProof | null;
    abandonedHandOver: Epoch | null;
    settledEpoch: number | null;
    synchronous: SyncFacts | null;
    recoveredTo: Lsn | null;
  } = {
    detached: null,
    abandonedHandOver: null,
    settledEpoch: null,
    synchronous: null,
    recoveredTo: null,
  };
  readonly reconciler: Reconciler;
  /** What is known of the rebuild of this instance. */
  readonly desk: { wants: string | null; forget(): void } = {
    wants: null,
    forget: () => {
      this.node.files.rebuiltOrder = null;
    },
  };
  readonly steps: SimSteps;
  guard: GuardView | null = null;
  guardLife: GuardLife | null = null;
  /** Read from disk by a step; of the present stop only. */
  walEnd: Lsn | null = null;
  /** What the leader last confirmed to this life. */
  confirmed: Confirmation | null = null;
  readonly confirmations: ConfirmedSequences;
  readonly controllers = new AgentControllers(this);
  readonly eyes = new AgentEyes(this);
  readonly reports = new AgentReports(this);
  readonly prober = new SimProber(this);
  #guardSilentMs = 0;
  readonly #waitingForGuard = new Set<() => void>();

  constructor(readonly agent: SimAgent) {
    this.process = agent.process;
    const { node } = agent;
    this.steps = new SimSteps(this);
    this.confirmations = {
      latest: null,
      covers: (sequence) => this.confirmed?.sequence === sequence,
      ask: (sequence) => this.controllers.askConfirmation(sequence),
    };
    const { steps } = this;
    this.reconciler = new Reconciler({
      instance: node.name,
      stream: node.files,
      confirmations: this.confirmations,
      memory: {
        get memory() {
          return node.files.memory;
        },
        keep: (memory) => {
          node.files.memory = memory;
        },
      },
      condition: () => this.eyes.condition(),
      runner: steps,
      desk: this.desk,
      facts: this.facts,
      log: {
        debug: () => undefined,
        info: (message, fields) => {
          if (message === 'goal') say(this.world, `${node.name} goal ${fields['detail']}`);
        },
      },
      keepUp: () => {
        if (node.postgres.receiver !== null) node.postgres.directory.aside = null;
      },
      setHurry: (observe, report) => {
        this.eyes.setHurry(observe);
        this.reports.setHurry(report);
      },
    });
  }

  get node(): SimNode {
    return this.agent.node;
  }

  get world(): ClusterWorld {
    return this.agent.world;
  }

  get state(): ClusterState | null {
    return this.node.files.state;
  }

  /** What this agent says of its guard to whoever asks. */
  get guardAnswers(): boolean {
    return this.guardLife !== null && this.#guardSilentMs <= GUARD_SILENCE_MS;
  }

  get goal(): Goal | null {
    return this.reconciler.goal;
  }

  describe(): Record<string, unknown> {
    return {
      sequence: this.state?.sequence ?? 0,
      confirmed: this.confirmed?.sequence ?? 0,
      source: this.controllers.source?.seat.name ?? null,
      leader: this.controllers.leader?.seat.name ?? null,
    };
  }

  begin(): void {
    this.attach();
    this.controllers.linkLoop();
    this.eyes.look();
    this.reports.report();
  }

  // The guard

  attach(): void {
    const { life } = this.node.guard;
    if (life?.ready === true) this.guardSaid(life, life.view());
    else this.node.guard.launch();
  }

  guardSaid(from: GuardLife, view: GuardView): void {
    this.guardLife = from;
    this.guard = view;
    this.eyes.look();
    this.reports.report();
    this.evaluate();
  }

  /** The kernel's death signal is the first of two (safety 13). */
  guardGone(): void {
    this.guard = null;
    this.guardLife = null;
    for (const giveUp of this.#waitingForGuard) giveUp();
    this.#waitingForGuard.clear();
    this.process.after(8, () => {
      this.node.postgres.killAll();
      this.node.guard.launch();
    });
  }

  askGuard(request: LocalRequest, timeoutMs: number): Promise<void> {
    const guard = this.guardLife;
    if (guard === null || this.node.guard.life !== guard) {
      return Promise.reject(new StepError(`'${request.type}': no guard is attached`, true));
    }
    return this.answerOf<LocalAnswer>(timeoutMs, (take, giveUp) => {
      this.#waitingForGuard.add(giveUp);
      guard.process.after(0.05, () =>
        guard.ask(request, (answer) => this.process.deliver(() => take(answer))),
      );
    }).then((answer) => {
      if (answer.type === 'refused') throw new StepError(answer.code, false);
      if (request.type === 'release') this.#noteReleased(request.epoch);
    });
  }

  /** A guard that hangs is ended by its agent (safety 21). */
  watchGuard(): void {
    const { guard } = this.node;
    if (!guard.process.alive) {
      if (this.guardLife === null) guard.launch();
      return;
    }
    this.#guardSilentMs = guard.process.paused ? this.#guardSilentMs + LINK_CHECK_MS : 0;
    if (this.#guardSilentMs <= GUARD_SILENCE_MS) return;
    this.#guardSilentMs = 0;
    count(this.world, 'hungGuardsKilled');
    guard.kill();
  }

  /** An answer, or an error when it does not come in time. */
  answerOf<T>(
    timeoutMs: number,
    ask: (take: (answer: T) => void, giveUp: () => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      // The time of each that was answered ends too: nobody waits any more, and an error is dear to make.
      let waits = true;
      const end = (settle: () => void): void => {
        if (!waits) return;
        waits = false;
        this.world.scheduler.promised = true;
        settle();
      };
      const giveUp = (): void => end(() => reject(new StepError('no answer', true)));
      ask((answer) => end(() => resolve(answer)), giveUp);
      this.process.after(timeoutMs, giveUp);
    });
  }

  #noteReleased(epoch: Epoch): void {
    if (this.guard?.epoch === epoch) this.guard = { ...this.guard, epoch: null };
  }

  evaluate(): void {
    this.reconciler.evaluate();
  }

  stepEnded(): void {
    this.eyes.look();
    this.reports.report();
    this.evaluate();
  }

  lookAndReport(): void {
    this.eyes.look();
    this.reports.report();
  }

  seen(snapshot: Snapshot): void {
    this.#tellPosition(snapshot);
    this.prober.turn();
    this.evaluate();
    this.reports.reportNews(snapshot);
  }

  #tellPosition({ postgres }: Snapshot): void {
    if (postgres.kind !== 'primary' || this.guardLife === null) return;
    const { timeline, writeLsn: lsn } = postgres;
    const guard = this.guardLife;
    guard.process.deliver(() => guard.ask({ type: 'position', timeline, lsn }, () => undefined));
  }
}
