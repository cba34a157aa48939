/** Of ascending values, by nearest rank, to a hundredth; 0 of none. */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.ceil((percent / 100) * sorted.length) - 1;
  return Math.round((sorted[Math.max(0, rank)] ?? 0) * 100) / 100;
}

export function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    50,
  );
}
