export { Failsafe } from './failsafe.ts';
export { type Granted, Grants } from './grants.ts';
export { Instance, type Refusal, type Serving } from './instance.ts';
export { LastPosition } from './last-position.ts';
export { Orders } from './orders.ts';
export type {
  DeadlineFuse,
  GuardingLog,
  InstanceFiles,
  KeptLease,
  LastWorkers,
  PostmasterProcess,
  Reply,
  StopStage,
} from './ports.ts';
export { type ReleaseOutcome, Releases } from './releases.ts';
