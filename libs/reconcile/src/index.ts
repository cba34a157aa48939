export type {
  ConditionKind,
  ConditionOf,
  GuardView,
  ObservedCondition,
  Surroundings,
} from './condition.ts';
export {
  committedLine,
  type Divergence,
  divergenceOf,
  type OwnHistory,
  type Stretch,
} from './divergence.ts';
export { LastStreamed } from './last-streamed.ts';
export {
  type ActedMemory,
  type Basis,
  type BasisVerdict,
  EMPTY_MEMORY,
  judgeBasis,
  promiseDetached,
  sameMemory,
} from './memory.ts';
export { nextStep } from './next-step.ts';
export {
  type ConfirmedSequences,
  type Haste,
  Reconciler,
  type ReconcilerParts,
  type StepRuns,
} from './reconciler.ts';
export {
  DESTROYING_STEPS,
  type GoalKind,
  type GoalOf,
  type Step,
  type StepKind,
  type StepOf,
  WRITABLE_STEPS,
} from './step.ts';
export { type ReceiverSight, type Sight, Suspicion } from './suspicion.ts';
