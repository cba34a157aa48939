import type { Json } from '#libs/api';

/** What scripts may rely on. */
export const EXIT = {
  /** What was asked for holds. */
  held: 0,
  /** It was tried, and does not hold. */
  notHeld: 1,
  /** It could not be tried. */
  couldNotRun: 2,
} as const;

/** What a verb ends with: `text` for people, `result` for programs. */
export type Outcome = {
  readonly exitCode: 0 | 1;
  readonly text: string;
  readonly result: Json;
};
