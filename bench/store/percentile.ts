/** Of ascending values, by nearest rank, to a hundredth; 0 of none. */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.ceil((percent / 100) * sorted.length) - 1;
  return Math.round((sorted[Math.max(0, rank)] ?? 0) * 100) / 100;
}

/** The mean of the two in the middle when their number is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  const high = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return Math.round((low + high) * 50) / 100;
}
