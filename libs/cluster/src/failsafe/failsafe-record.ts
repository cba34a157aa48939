import type { Epoch, InstanceName } from '#libs/kernel';

/**
 * What is known of the members whose promises may keep the held epoch when no controller answers
 * (safety 11). Absent while failsafe was never on in this epoch.
 */
export type FailsafeState = {
  readonly epoch: Epoch;
  /** Of the last change of the members or of the switch; what the guard confirms in its renewals. */
  readonly version: number;
  readonly on: boolean;
  /**
   * In every set of members that the holder's guard may be asking: those that stood when it could first
   * hear of any, and those whose set it confirmed. Somebody else could be promoted beside its promises.
   */
  readonly members: readonly InstanceName[];
};
