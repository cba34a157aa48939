import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { createRaft, type InitialState, type LogEntry } from './index.ts';
import { FIRST_OF_THREE, FRESH } from './three-members.fixture.ts';

const CONFIG = { ...FIRST_OF_THREE, firstElectionTicks: 4 };

/** How many ticks a member waits before it asks for pre-votes. */
function patience(seed: number, term: number, tail: readonly LogEntry[]): number {
  const initial: InitialState = {
    ...FRESH,
    hardState: { term, vote: 0 },
    ...{ tail, lastIndex: tail.length },
    termRuns: tail.map(({ index, term: of }) => ({ firstIndex: index, term: of })),
  };
  const raft = createRaft(CONFIG, initial, seededPrng(seed));
  for (let ticks = 1; ; ticks += 1) {
    raft.tick();
    if (raft.takeOutput()?.sendNow.some(({ type }) => type === 'preVoteRequest')) return ticks;
  }
}

const seeds = Array.from({ length: 50 }, (_, at) => at + 1);

describe('an election', () => {
  it('comes soon while nobody ever led', () => {
    for (const seed of seeds) {
      const ticks = patience(seed, 0, []);
      expect(ticks).toBeGreaterThanOrEqual(4);
      expect(ticks).toBeLessThan(8);
    }
  });

  it.each([
    { what: 'a term was seen', term: 1, tail: [] },
    { what: 'there is a log', term: 1, tail: [{ kind: 'empty', index: 1, term: 1 } as const] },
  ])('waits its time once $what', ({ term, tail }) => {
    for (const seed of seeds) expect(patience(seed, term, tail)).toBeGreaterThanOrEqual(20);
  });
});
