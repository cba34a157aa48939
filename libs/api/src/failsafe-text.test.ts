import { describe, expect, it } from 'vitest';
import type { AgentReport } from '#libs/cluster';
import { epoch, type InstanceName } from '#libs/kernel';
import { named, reportOf, runningCluster } from '#libs/testing';
import { failsafeText } from './failsafe-text.ts';
import type { Heard } from './heard.ts';
import { clusterViewOf } from './view-of.ts';

function heard(
  reports: Readonly<Record<string, Partial<AgentReport>>>,
  ageMs = 100,
): Map<InstanceName, Heard> {
  return new Map(
    Object.entries(reports).map(([name, change]) => [
      named(name),
      { report: { ...reportOf(name), ...change }, ageMs },
    ]),
  );
}

const promise = { epoch: epoch(1), remainingMs: 2_000 };

describe('what status says of failsafe', () => {
  it('nothing where it is off', () => {
    expect(failsafeText(runningCluster().state, heard({}))).toBeNull();
  });

  it('ready, with who would be asked', () => {
    const { state } = runningCluster({ failsafe: true });
    expect(failsafeText(state, heard({}))).toBe('failsafe: ready, pg2, pg3 would be asked');
  });

  it('that the guard does not know of a new member yet', () => {
    const scenario = runningCluster({ failsafe: true });
    scenario.hears('pg4').settle();
    expect(failsafeText(scenario.state, heard({}))).toBe(
      'failsafe: ready, but the guard of pg1 does not know of pg4 yet',
    );
  });

  it.each([
    { given: 'a promise that stands', change: { promise }, ageMs: 100, active: true },
    { given: 'one that has lapsed since', change: { promise }, ageMs: 2_000, active: false },
    {
      given: 'one to an earlier primary',
      change: { promise: { ...promise, epoch: epoch(9) } },
      ageMs: 100,
      active: false,
    },
  ])('active with $given: $active', ({ change, ageMs, active }) => {
    const { state } = runningCluster({ failsafe: true });
    const text = failsafeText(state, heard({ pg3: change }, ageMs));
    expect(text === 'failsafe: active, pg3 promised pg1 to take over nothing').toBe(active);
  });
});

it.each([
  { of: 'wal-flush' as const, text: 'no WAL gets to its disk, for 12 s now' },
  { of: 'connections' as const, text: 'it answers no new connection, for 12 s now' },
])('status says that a primary hangs: $text', ({ of, text }) => {
  const { state } = runningCluster();
  const view = clusterViewOf(state, heard({ pg1: { stall: { of, forMs: 12_300 } }, pg2: {} }));
  expect(view.instances.map(({ stall }) => stall)).toEqual([text, null, null]);
});
