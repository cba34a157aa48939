/** Timers fire up to a millisecond early: what is so near is the beat that is just being kept. */
const EARLY_MS = 5;

/**
 * How long to wait for the next beat of a grid that all regular duties of a process share, so that one
 * wake-up serves them all.
 */
export function untilNextBeat(nowMs: number, periodMs: number): number {
  const waitMs = periodMs - (nowMs % periodMs);
  return Math.ceil(waitMs < EARLY_MS && waitMs < periodMs ? waitMs + periodMs : waitMs);
}
