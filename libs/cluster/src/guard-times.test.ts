import { expect, it } from 'vitest';
import { guardTimes } from './guard-times.ts';
import { timingOf } from './revisions.ts';
import { type ClusterSettings, DEFAULT_SETTINGS } from './settings.ts';

/** How long after the last confirmed renewal the guard begins to stop PostgreSQL. */
function stopsAfterMs(settings: Partial<ClusterSettings>): number {
  const { leaseTtlMs, stopBudgetMs } = guardTimes(
    { ...DEFAULT_SETTINGS, ...settings },
    timingOf(DEFAULT_SETTINGS),
  );
  return leaseTtlMs - stopBudgetMs;
}

it.each([
  { given: { synchronousMode: 'off' }, stopsAfter: 2_700 },
  { given: { synchronousMode: 'priority' }, stopsAfter: 2_300 },
  { given: { synchronousMode: 'quorum', syncFenceMs: 1_800 }, stopsAfter: 1_800 },
  // Never later than the lease demands.
  { given: { synchronousMode: 'quorum', syncFenceMs: 9_000 }, stopsAfter: 2_700 },
] as const)('with $given the guard stops after $stopsAfter ms', ({ given, stopsAfter }) => {
  expect(stopsAfterMs(given)).toBe(stopsAfter);
});
