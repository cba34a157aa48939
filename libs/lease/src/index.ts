export { Brake, type BrakeVerdict, type JudgedExpiry } from './brake.ts';
export { CappedTime } from './capped-time.ts';
export { type AcquireResult, type HolderEffects, LeaseHolder, type StopReason } from './holder.ts';
export { LeaderView } from './leader-view.ts';
export {
  type Acceptance,
  type ExpiryDue,
  type HeldLease,
  LeaseClock,
  type Renewal,
} from './lease-clock.ts';
export {
  type LeaseTiming,
  type LeaseWaitTerms,
  leaseWaitMs,
  longestIntervalMs,
} from './lease-timing.ts';
export { MemberPromise, type PromiseInForce, promiseLastsMs } from './member-promise.ts';
export { elapsedMs, type Moment } from './moment.ts';
export { Silence } from './silence.ts';
