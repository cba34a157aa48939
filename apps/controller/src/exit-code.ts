import { codeOf } from '#libs/kernel';

/** How the process ends; 0 when it was told to. */
export const EXIT = {
  /** A broken invariant or a failed disk. */
  fatal: 1,
  /** It could not run as asked: the caller has to change something first. */
  badStart: 2,
  /** Started again on this directory it would only say so again: its unit of systemd leaves it down. */
  forGood: 3,
} as const;

const FOR_GOOD = ['CONTROLLER_REMOVED', 'SEAT_TAKEN', 'DAMAGED_LOG'];

/** Of one that ends, or does not begin, because of `error`. */
export function exitCodeOf(error: unknown): number {
  return FOR_GOOD.includes(codeOf(error) ?? '') ? EXIT.forGood : EXIT.badStart;
}
