import type { Json } from '#libs/api';

/** What scripts may rely on. */
export const EXIT = {
  /** What was asked for holds. */
  held: 0,
  /** It was tried, and does not hold. */
  notHeld: 1,
  /** It could not be tried. */
  couldNotRun: 2,
  /** Ctrl-C while the verb watched: what it had ordered goes on. As shells say of SIGINT. */
  left: 130,
} as const;

/** What a verb ends with: `text` for people, `result` for programs. */
export type Outcome = {
  readonly exitCode: typeof EXIT.held | typeof EXIT.notHeld | typeof EXIT.left;
  readonly text: string;
  /** The text is sentences: a terminal that is too narrow gets them broken between words. */
  readonly prose?: true;
  readonly result: Json;
};
