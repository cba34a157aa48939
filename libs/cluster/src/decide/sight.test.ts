import { expect, it } from 'vitest';
import { named, runningCluster, syncCluster } from '#libs/testing';
import { DEFAULT_SETTINGS } from '../settings.ts';
import { calmMsOf, freshReport, isSilent } from './sight.ts';

it('counts a report for suspectAfterMs, and so much longer as it said that the next one takes', () => {
  const heard = (scenario: ReturnType<typeof runningCluster>) => {
    const { input } = scenario;
    return freshReport(input, named('pg2')) !== null && !isSilent(input, named('pg2'));
  };
  expect(heard(runningCluster().hears('pg2', {}, 800))).toBe(true);
  expect(heard(runningCluster().hears('pg2', {}, 801))).toBe(false);
  expect(heard(runningCluster().hears('pg2', { calmForMs: 600 }, 1_400))).toBe(true);
  expect(heard(runningCluster().hears('pg2', { calmForMs: 600 }, 1_401))).toBe(false);
  // More than the rules allow is not granted to whoever asks for it.
  expect(heard(runningCluster().hears('pg2', { calmForMs: 60_000 }, 1_401))).toBe(false);
  expect(heard(syncCluster().hears('pg2', { calmForMs: 600 }, 801))).toBe(false);
});

it('lets agents be calm where nobody waits for their reports, within half a lease', () => {
  expect(calmMsOf(DEFAULT_SETTINGS)).toBe(600);
  expect(calmMsOf({ ...DEFAULT_SETTINGS, synchronousMode: 'quorum' })).toBe(0);
  expect(calmMsOf({ ...DEFAULT_SETTINGS, leaseTtlMs: 2_000 })).toBe(200);
  expect(calmMsOf({ ...DEFAULT_SETTINGS, suspectAfterMs: 2_000 })).toBe(0);
});
