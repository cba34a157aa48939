import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogEntry, PersistBatch } from '#libs/raft';
import { mergeBatches } from './merge-batches.ts';

type Disk = { readonly log: readonly LogEntry[]; readonly term: number };

/** What a store does with one batch, in the order that the machine's contract names. */
function write({ log, term }: Disk, batch: PersistBatch): Disk {
  const { truncateFrom, entries, hardState } = batch;
  const kept = truncateFrom === null ? log : log.filter((entry) => entry.index < truncateFrom);
  return { log: [...kept, ...entries], term: hardState?.term ?? term };
}

/** Batches as a machine makes them: each goes on where the log ends, or cuts it and goes on there. */
const histories = fc
  .array(fc.record({ cut: fc.nat(4), added: fc.nat(4), votes: fc.boolean() }), { maxLength: 6 })
  .map((steps) => {
    let lastIndex = 0;
    return steps.map(({ cut, added, votes }, step): PersistBatch => {
      const truncateFrom = cut > 0 && lastIndex > 0 ? Math.max(1, lastIndex - cut + 1) : null;
      const from = truncateFrom ?? lastIndex + 1;
      const term = step + 1;
      const entries = Array.from(
        { length: added },
        (_, n): LogEntry => ({ kind: 'empty', index: from + n, term }),
      );
      lastIndex = from + added - 1;
      const hardState = votes ? { term, vote: 1 } : null;
      return { seq: step + 1, hardState, truncateFrom, entries, snapshot: null };
    });
  });

describe('batches that are merged', () => {
  it('leave what the same batches leave one after another', () => {
    fc.assert(
      fc.property(histories, fc.nat(5), (batches, alreadyWritten) => {
        const start = batches.slice(0, alreadyWritten).reduce(write, { log: [], term: 0 });
        const rest = batches.slice(alreadyWritten);
        const [first, ...others] = rest;
        if (first === undefined) return;
        const merged = others.reduce(mergeBatches, first);
        expect(write(start, merged)).toEqual(rest.reduce(write, start));
        expect(merged.seq).toBe(rest.at(-1)?.seq);
      }),
    );
  });

  it('keep nothing from before a snapshot but the hard state', () => {
    const entry: LogEntry = { kind: 'empty', index: 3, term: 1 };
    const nothing = { truncateFrom: null, snapshot: null, hardState: null };
    const before = { ...nothing, seq: 1, hardState: { term: 2, vote: 1 }, entries: [entry] };
    const membership = { members: [], voters: [], outgoing: [], learners: [] };
    const snapshot = { index: 9, term: 2, membership };
    const merged = mergeBatches(before, { ...nothing, seq: 2, entries: [], snapshot });
    expect(merged).toEqual({
      ...{ seq: 2, hardState: { term: 2, vote: 1 }, truncateFrom: null },
      ...{ entries: [], snapshot },
    });
  });
});
