import { type ClusterState, type Goal, goalOf } from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import {
  judgeBasis,
  nextStep,
  type ObservedCondition,
  type Step,
  type StepKind,
} from '#libs/reconcile';
import type { Duties } from './duties.ts';
import type { GuardState } from './guard-client/guard-connection.ts';
import type { Confirmations } from './link/confirmations.ts';
import type { EventStream } from './link/event-stream.ts';
import { conditionOf, withPresentLease } from './observe/condition.ts';
import type { Observer } from './observe/observer.ts';
import type { ActedMemoryFile } from './state-directory/acted-memory-file.ts';
import type { StepRunner } from './step-runner.ts';
import type { OwnFacts, StepContext } from './steps/step-context.ts';

export type ReconcilerParts = {
  readonly instance: InstanceName;
  readonly stream: EventStream;
  readonly confirmations: Confirmations;
  readonly memory: ActedMemoryFile;
  readonly observer: Observer;
  readonly runner: StepRunner;
  readonly duties: Duties;
  readonly facts: OwnFacts;
  readonly log: Logger;
  /** What the guard last said of itself. */
  readonly lease: () => GuardState | null;
  readonly contextFor: (state: ClusterState, signal: AbortSignal) => StepContext;
  readonly setHurry: (observe: boolean, report: boolean) => void;
};

/** Nothing is done by them, or the guard asks the leader itself. */
const NEEDS_NO_CONFIRMATION: readonly StepKind[] = ['rest', 'await', 'reportOnly', 'acquireLease'];
const PASSIVE: readonly StepKind[] = ['rest', 'await', 'reportOnly'];

/**
 * Compares goal and condition whenever one of them may have changed, and has the next step taken: on a
 * state that the leader confirmed, never on an older one than before, and remembered first (safety 4).
 */
export class Reconciler {
  /** Why the goal is not reached, in words; null when it is or will be. */
  problem: string | null = null;
  goal: Goal | null = null;
  #actedVersion = 0;
  #lastStep: Step | null = null;

  constructor(readonly parts: ReconcilerParts) {}

  /** The stream version that was acted on, or needed no act. */
  get actedVersion(): number {
    return this.#actedVersion;
  }

  evaluate(): void {
    const { stream, instance, observer, runner, facts, duties } = this.parts;
    const { state } = stream;
    if (state === null) return;
    const goal = goalOf(state, instance);
    this.#noteGoal(goal);
    const snapshot = observer.latest;
    if (snapshot === null || snapshot.begunMs < runner.endedAtMs) return;
    const condition = conditionOf(withPresentLease(snapshot, this.parts.lease()), facts);
    if (condition === null) return;
    duties.tellPosition();
    const step = nextStep(goal, condition, this.parts.memory.memory);
    this.#hurryWhile(goal, step);
    // What the step after it needs is found out while the guard asks for the lease.
    if (runner.running?.kind === 'acquireLease') this.#mayAct(state);
    if (runner.busy) return;
    this.#take(state, step, condition);
  }

  #take(state: ClusterState, step: Step, condition: ObservedCondition): void {
    const { runner, duties, log, confirmations } = this.parts;
    if (step.kind !== this.#lastStep?.kind || step.why !== this.#lastStep.why) {
      log.debug('next step', { step: step.kind, why: step.why, condition: condition.kind });
    }
    this.#lastStep = step;
    this.problem = step.kind === 'reportOnly' ? step.why : null;
    if (!NEEDS_NO_CONFIRMATION.includes(step.kind) && !this.#mayAct(state)) return;
    if (PASSIVE.includes(step.kind)) {
      if (this.#isConfirmed(state)) this.#actedVersion = state.version;
      if (step.kind === 'rest') runner.rested();
      duties.keepUp(state);
      return;
    }
    if (!runner.mayBegin(step, performance.now())) return;
    if (step.kind === 'acquireLease') confirmations.ask(state.sequence);
    this.#actedVersion = state.version;
    runner.begin(step, (signal) => this.parts.contextFor(state, signal));
  }

  /** Confirmed by the leader, not older than what was acted on, and remembered. */
  #mayAct(state: ClusterState): boolean {
    const { confirmations, memory } = this.parts;
    if (!this.#isConfirmed(state)) {
      confirmations.ask(state.sequence);
      return false;
    }
    const controllersIncarnation = confirmations.latest?.controllersIncarnation ?? '';
    const epoch = state.lease.kind === 'NeverGranted' ? 0 : state.lease.epoch;
    const verdict = judgeBasis(memory.memory, {
      controllersIncarnation,
      version: state.version,
      epoch,
      restored: state.restored ?? null,
    });
    if (verdict.kind === 'refused') {
      this.problem = verdict.why;
      return false;
    }
    memory.keep(verdict.memory);
    return true;
  }

  #isConfirmed(state: ClusterState): boolean {
    return this.parts.confirmations.covers(state.sequence);
  }

  #noteGoal(goal: Goal): void {
    const { runner, facts, log } = this.parts;
    if (goalKey(goal) !== goalKey(this.goal)) {
      log.info('goal', { goal: goal.kind, was: this.goal?.kind ?? null, detail: goalKey(goal) });
      runner.superseded();
      if (goal.kind !== 'handOver') facts.abandonedHandOver = null;
    }
    this.goal = goal;
  }

  /** Somebody waits: for this primary, for the last bytes of a switchover, for a proof. */
  #hurryWhile(goal: Goal, step: Step): void {
    const moving = step.kind !== 'rest' && step.kind !== 'reportOnly';
    const urgent = goal.kind !== 'wait' && goal.kind !== 'initialise' && goal.kind !== 'standby';
    const hurry = (goal.kind === 'standby' && goal.hurry) || (urgent && moving);
    this.parts.setHurry(hurry || moving, hurry);
  }
}

function goalKey(goal: Goal | null): string {
  if (goal === null) return 'none';
  switch (goal.kind) {
    case 'standby':
      return `standby of ${goal.upstream.name} in epoch ${goal.epoch}`;
    case 'primary':
      return `primary in epoch ${goal.epoch} on timeline ${goal.timeline}`;
    case 'handOver':
      return `hand over epoch ${goal.epoch} to ${goal.to}`;
    case 'yield':
      return `yield epoch ${goal.epoch}`;
    case 'detached':
      return `detached through epoch ${goal.throughEpoch}`;
    case 'wait':
      return `wait: ${goal.why}`;
    case 'initialise':
      return goal.kind;
  }
}
