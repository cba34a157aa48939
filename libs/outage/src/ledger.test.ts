import { describe, expect, it } from 'vitest';
import { monotonicMs, timelineId } from '#libs/kernel';
import { Ledger } from './ledger.ts';

/** `a1@100` is: host a acknowledged on timeline 1 at 100 ms. */
function ledgerOf(history: string): Ledger {
  const ledger = new Ledger();
  for (const word of history.split(' ').filter((part) => part !== '')) {
    const [, host = '', timeline, at] = /^([a-z]+)(\d+)@(\d+)$/.exec(word) ?? [];
    ledger.acknowledge({
      host,
      timeline: timelineId(Number(timeline)),
      at: monotonicMs(Number(at)),
    });
  }
  return ledger;
}

describe('dual', () => {
  it.each([
    { history: 'a1@0 a1@10 a1@20', dual: 0, because: 'one host' },
    { history: 'a1@0 b2@900 b2@910', dual: 0, because: 'a failover to a later timeline' },
    { history: 'a1@0 b2@900 a3@1800', dual: 0, because: 'and back again' },
    { history: 'a1@0 a1@500', dual: 0, because: 'a restart in place' },
    { history: 'a1@0 b2@900 a1@905 b2@910 a1@915', dual: 2, because: 'the old one goes on' },
    { history: 'a1@0 b2@900 c2@910', dual: 1, because: 'one timeline id taken twice' },
    { history: 'a2@0 b1@10', dual: 1, because: 'an earlier timeline than another host had' },
    { history: 'a1@0 b2@900 b2@910 a3@950 b2@960', dual: 1, because: 'late by one switchover' },
  ])('$history: $dual, for it is $because', ({ history, dual }) => {
    expect(ledgerOf(history).tally(monotonicMs(0)).dual).toBe(dual);
  });
});

describe('gap', () => {
  it.each([
    { history: '', now: 500, gapMs: 0 },
    { history: 'a1@0 a1@10 a1@35 a1@40', now: 41, gapMs: 25 },
    { history: 'a1@0 b2@900 b2@910', now: 911, gapMs: 900 },
    { history: 'a1@0 a1@10', now: 700, gapMs: 690 },
  ])('of $history seen at $now is $gapMs ms', ({ history, now, gapMs }) => {
    expect(ledgerOf(history).tally(monotonicMs(now)).gapMs).toBe(gapMs);
  });

  it('that is open at a mark counts in full after it', () => {
    const ledger = ledgerOf('a1@0 a1@400 a1@410');
    ledger.mark();
    ledger.acknowledge({ host: 'a', timeline: timelineId(1), at: monotonicMs(470) });
    expect(ledger.tally(monotonicMs(475))).toEqual({ acknowledged: 1, gapMs: 60, dual: 0 });
  });
});

describe('a mark', () => {
  it('forgets what was dual, and still knows who wrote before', () => {
    const ledger = ledgerOf('a1@0 b2@10 a1@20');
    ledger.mark();
    expect(ledger.tally(monotonicMs(20)).dual).toBe(0);
    ledger.acknowledge({ host: 'a', timeline: timelineId(1), at: monotonicMs(30) });
    expect(ledger.tally(monotonicMs(30)).dual).toBe(1);
  });
});
