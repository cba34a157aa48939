import type { InstanceName } from '#libs/kernel';
import type { Position } from './fast-forward-record.ts';

/** From this level of the protocol on these events may be recorded; before it nobody is brought forward. */
export const FAST_FORWARD_LEVEL = 3;

/** Of a candidate that is preferred, and lacks WAL which the most advanced one has. */
export type FastForwardEvent =
  /** It fetches what it lacks, and is promoted then. */
  | {
      readonly type: 'FastForwardStarted';
      readonly instance: InstanceName;
      readonly from: InstanceName;
      readonly upTo: Position;
      readonly missingBytes: bigint;
      /** Until the last proof came, and from then until it was chosen, as of a grant. */
      readonly timing: { readonly detachMs: number; readonly chooseMs: number };
    }
  /** It did not come so far in time: the most advanced one is chosen. */
  | {
      readonly type: 'FastForwardGivenUp';
      readonly instance: InstanceName;
      readonly reason: string;
    };

const TYPES: Readonly<Record<FastForwardEvent['type'], true>> = {
  FastForwardStarted: true,
  FastForwardGivenUp: true,
};

export function isFastForwardEvent(event: { readonly type: string }): event is FastForwardEvent {
  return Object.hasOwn(TYPES, event.type);
}
