import {
  type ClusterState,
  type Goal,
  goalOf,
  type RebuildOrder,
  rebuildOrderOf,
} from '#libs/cluster';
import { type InstanceName, messageOf } from '#libs/kernel';
import type { ObservedCondition } from './condition.ts';
import { type ActedMemory, judgeBasis } from './memory.ts';
import { nextStep } from './next-step.ts';
import type { Step, StepKind } from './step.ts';

/** What the leader said was current, by rounds that began after it was asked. */
export interface ConfirmedSequences {
  readonly latest: { readonly controllersIncarnation: string } | null;
  /** True when the leader said that `sequence` is all there is. */
  covers(sequence: number): boolean;
  ask(sequence: number): void;
}

/** Runs one step at a time. */
export interface StepRuns {
  readonly busy: boolean;
  readonly running: Step | null;
  /** Breaks off a long step whose goal is not the goal any more. */
  superseded(): void;
  /** After a failure only when its time has come. */
  mayBegin(step: Step): boolean;
  begin(step: Step, state: ClusterState): void;
  rested(): void;
}

export interface RebuildNotes {
  /** Why a rebuild is needed that nobody has ordered. */
  wants: string | null;
  /** No order stands. */
  forget(): void;
}

export type ReconcilerParts = {
  readonly instance: InstanceName;
  readonly stream: { readonly state: ClusterState | null };
  readonly confirmations: ConfirmedSequences;
  readonly memory: {
    readonly memory: ActedMemory;
    /** Durable before it returns. */
    keep(memory: ActedMemory): void;
  };
  /** What was seen since the last step ended; null while that is too little. */
  readonly condition: () => ObservedCondition | null;
  readonly runner: StepRuns;
  readonly facts: {
    abandonedHandOver: ObservedCondition['abandonedHandOver'];
    /** The host is being shut down: nothing is started any more. */
    readonly leaving?: boolean;
  };
  readonly log: {
    info(message: string, fields: Readonly<Record<string, unknown>>): void;
    debug(message: string, fields: Readonly<Record<string, unknown>>): void;
  };
  /** What is known of the rebuild of this instance; absent where none is ever ordered. */
  readonly desk?: RebuildNotes;
  /** To be called while no step runs. */
  readonly keepUp: (state: ClusterState) => void;
  readonly setHurry: (observe: Haste, report: boolean) => void;
};

/** How soon the next look is wanted: at once while this instance keeps somebody waiting, soon while another is to end first. */
export type Haste = 'none' | 'soon' | 'now';

/** Nothing is done by them, or the guard asks the leader itself. */
const NEEDS_NO_CONFIRMATION: readonly StepKind[] = [
  'rest',
  'await',
  'reportOnly',
  'needsRebuild',
  'acquireLease',
];
const PASSIVE: readonly StepKind[] = ['rest', 'await', 'reportOnly', 'needsRebuild'];
/** What an instance that leaves still acts on: the end of its lease. */
const HOLDERS_GOALS: readonly Goal['kind'][] = ['primary', 'handOver', 'yield'];

/**
 * Compares goal and condition whenever one of them may have changed, and has the next step taken: on a
 * state that the leader confirmed, never on an older one than before, and remembered first (safety 4).
 */
export class Reconciler {
  /** Why the goal is not reached, in words; null when it is or will be. */
  problem: string | null = null;
  goal: Goal | null = null;
  #actedVersion = 0;
  #goalOf: ClusterState | null = null;
  #lastStep: Step | null = null;

  constructor(readonly parts: ReconcilerParts) {}

  /** The stream version that was acted on, or needed no act. */
  get actedVersion(): number {
    return this.#actedVersion;
  }

  evaluate(): void {
    const { stream, instance, runner, facts } = this.parts;
    const { state } = stream;
    if (state === null) return;
    const goal = this.#goalIn(state);
    if (rebuildOrderOf(state, instance) === null) this.parts.desk?.forget();
    const condition = this.parts.condition();
    if (condition === null) return;
    const step = nextStep(goal, condition, this.parts.memory.memory);
    this.#hurryWhile(goal, step, runner.running);
    // What the step after it needs is found out while the guard asks for the lease.
    if (runner.running?.kind === 'acquireLease') this.#mayAct(state);
    if (runner.busy || (facts.leaving === true && !HOLDERS_GOALS.includes(goal.kind))) return;
    this.#take(state, step, condition);
  }

  #take(state: ClusterState, step: Step, condition: ObservedCondition): void {
    const { runner, log, confirmations, keepUp, desk } = this.parts;
    if (step.kind !== this.#lastStep?.kind || step.why !== this.#lastStep.why) {
      log.debug('next step', { step: step.kind, why: step.why, condition: condition.kind });
    }
    this.#lastStep = step;
    this.problem = step.kind === 'reportOnly' || step.kind === 'needsRebuild' ? step.why : null;
    if (desk !== undefined) desk.wants = step.kind === 'needsRebuild' ? step.why : null;
    if (!NEEDS_NO_CONFIRMATION.includes(step.kind) && !this.#mayAct(state)) return;
    if (PASSIVE.includes(step.kind)) {
      if (this.#isConfirmed(state)) this.#actedVersion = state.version;
      if (step.kind === 'rest') runner.rested();
      keepUp(state);
      return;
    }
    if (!runner.mayBegin(step)) return;
    if (step.kind === 'acquireLease') confirmations.ask(state.sequence);
    this.#actedVersion = state.version;
    runner.begin(step, state);
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
    try {
      memory.keep(verdict.memory);
    } catch (error) {
      this.problem = messageOf(error);
      // Its steps end PostgreSQL and the lease, and promise nothing: on a full or read-only disk another is to serve.
      return this.goal?.kind === 'yield';
    }
    return true;
  }

  #isConfirmed(state: ClusterState): boolean {
    return this.parts.confirmations.covers(state.sequence);
  }

  /** It depends on the state alone, and looks come far more often than events. */
  #goalIn(state: ClusterState): Goal {
    if (this.#goalOf === state && this.goal !== null) return this.goal;
    const goal = goalOf(state, this.parts.instance);
    this.#goalOf = state;
    this.#noteGoal(goal);
    return goal;
  }

  #noteGoal(goal: Goal): void {
    const { runner, facts, log } = this.parts;
    if (goalKey(goal) !== goalKey(this.goal)) {
      log.info('goal', { goal: goal.kind, was: this.goal?.kind ?? null, detail: goalKey(goal) });
      runner.superseded();
      // What was given up was the one before.
      facts.abandonedHandOver = null;
    }
    this.goal = goal;
  }

  /**
   * Somebody waits: for this primary, for the last bytes of a switchover, for a proof. What is seen before a
   * step on the instance has ended counts for nothing, and looking takes its time: the step's end is told at once.
   */
  #hurryWhile(goal: Goal, step: Step, running: Step | null): void {
    if (running !== null && running.kind !== 'acquireLease') {
      this.parts.setHurry('none', false);
      return;
    }
    const moving = step.kind !== 'rest' && step.kind !== 'reportOnly';
    const waitsForOthers = goal.kind === 'wait' || goal.kind === 'initialise';
    const isTarget = goal.kind === 'standby' && goal.hurry;
    const urgent = isTarget || (!waitsForOthers && goal.kind !== 'standby');
    const atRest = isTarget ? 'soon' : 'none';
    this.parts.setHurry(moving ? 'now' : atRest, urgent && moving);
  }
}

/** An order that was cancelled or replaced breaks off what was begun for it. */
function rebuildKey(order: RebuildOrder | null): string {
  return order === null ? '' : `, rebuilt by order ${order.order}`;
}

function goalKey(goal: Goal | null): string {
  if (goal === null) return 'none';
  switch (goal.kind) {
    case 'standby':
      return `standby of ${goal.archiveOnly === true ? 'the archive' : goal.upstream?.name} in epoch ${goal.epoch}${rebuildKey(goal.rebuild)}`;
    case 'primary':
      return `primary in epoch ${goal.epoch} on timeline ${goal.timeline}`;
    case 'handOver':
      return `hand over epoch ${goal.epoch} to ${goal.to}, as ordered at ${goal.startedAt}`;
    case 'yield':
      return `yield epoch ${goal.epoch}`;
    case 'detached':
      return `detached through epoch ${goal.throughEpoch}${goal.copyAside === true ? ', with the copy aside' : ''}`;
    case 'wait':
      return `wait: ${goal.why}`;
    case 'initialise':
      return goal.kind;
  }
}
