import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeFileDurably, writeFileDurably } from './durable-file.ts';

const STANDBY_SIGNAL = 'standby.signal';
const RECOVERY_SIGNAL = 'recovery.signal';

/**
 * A data directory at rest, or crashed, never starts read-write by itself (safety 10): the file stands
 * there also beneath a running primary, which reads it only at its start.
 *
 * @returns true when it was not there
 */
export function putStandbySignal(dataDirectory: string): boolean {
  if (hasStandbySignal(dataDirectory)) return false;
  writeFileDurably(join(dataDirectory, STANDBY_SIGNAL), '');
  return true;
}

/** Only the guard, holding the lease, just before it starts a primary; and `rewind`. */
export function removeStandbySignal(dataDirectory: string): boolean {
  return removeFileDurably(join(dataDirectory, STANDBY_SIGNAL));
}

export function hasStandbySignal(dataDirectory: string): boolean {
  return existsSync(join(dataDirectory, STANDBY_SIGNAL));
}

/** Left by a restore; `standby.signal` wins over it. */
export function removeRecoverySignal(dataDirectory: string): boolean {
  return removeFileDurably(join(dataDirectory, RECOVERY_SIGNAL));
}
