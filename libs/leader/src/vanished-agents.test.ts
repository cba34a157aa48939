import { expect, it } from 'vitest';
import { type LastHeard, vanishedNearest } from './vanished-agents.ts';

const silentFor = (reportAgeMs: number): LastHeard => ({
  report: {},
  reportAgeMs,
  guard: null,
  guardAgeMs: 0,
});

it('names the agent that fell silent nearest to this one', () => {
  const others = [5_000, 40_000, 25_000].map(
    (ageMs) => [`at${ageMs}`, [silentFor(ageMs)]] as const,
  );
  expect(vanishedNearest(others, 30_000)).toEqual({ cluster: 'at25000', apartMs: 5_000 });
});

it('asks no further where thousands fell silent together', () => {
  let asked = 0;
  function* others(): Generator<readonly [string, readonly LastHeard[]]> {
    for (let at = 0; at < 5_000; at += 1) {
      asked += 1;
      yield [`s${at}`, [silentFor(30_000 + at)]];
    }
  }
  expect(vanishedNearest(others(), 30_500)?.apartMs).toBeLessThan(1_000);
  expect(asked).toBe(1);
});
