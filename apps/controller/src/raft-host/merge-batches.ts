import type { LogEntry, PersistBatch } from '#libs/raft';

/**
 * One batch with the effect of `first` followed by `second`, under the second's number: what piled up
 * while the writer was busy goes to the disk with one sync.
 */
export function mergeBatches(first: PersistBatch, second: PersistBatch): PersistBatch {
  const hardState = second.hardState ?? first.hardState;
  if (second.snapshot !== null) return { ...second, hardState };
  const { seq, truncateFrom } = second;
  const kept = truncateFrom === null ? first.entries : before(first.entries, truncateFrom);
  return {
    seq,
    hardState,
    truncateFrom: earlierOf(first.truncateFrom, truncateFrom),
    entries: kept.length === 0 ? second.entries : kept.concat(second.entries),
    snapshot: first.snapshot,
  };
}

function before(entries: readonly LogEntry[], index: number): readonly LogEntry[] {
  return entries.filter((entry) => entry.index < index);
}

function earlierOf(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
