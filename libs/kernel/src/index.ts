export { formatAddress } from './address.ts';
export { assert, InvariantError, present } from './assert.ts';
export { untilNextBeat } from './beat.ts';
export { BoundedQueue, QueueFullError } from './bounded-queue.ts';
export type { Brand } from './brand.ts';
export { bytesText } from './bytes-text.ts';
export type { Clock } from './clock.ts';
export { codeOf, DomainError, messageOf } from './domain-error.ts';
export {
  type ClusterName,
  type ControllerName,
  clusterName,
  controllerName,
  type Epoch,
  epoch,
  type GuardIncarnation,
  guardIncarnation,
  type InstanceName,
  InvalidNameError,
  instanceName,
  isInstanceName,
} from './ids.ts';
export { isoTime } from './iso-time.ts';
export {
  formatLsn,
  InvalidLsnError,
  type Lsn,
  lsnOf,
  maxLsn,
  parseLsn,
  walLagBytes,
  ZERO_LSN,
} from './lsn.ts';
export { nearestName } from './nearest-name.ts';
export { type Prng, seededPrng } from './prng.ts';
export { takesNoChange } from './takes-no-change.ts';
export {
  type EpochMs,
  epochMs,
  type MonotonicMs,
  monotonicMs,
  type TimelineId,
  timelineId,
} from './units.ts';
export { unreachable } from './unreachable.ts';
