import { percentile } from './percentile.ts';

/** Nearest rank, as `percentile`; of an empty list 0. */
export function median(values: readonly number[]): number {
  return (
    percentile(
      values.toSorted((a, b) => a - b),
      50,
    ) ?? 0
  );
}
