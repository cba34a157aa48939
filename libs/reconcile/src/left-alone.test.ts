import { expect, it } from 'vitest';
import { epoch, guardIncarnation, lsnOf, timelineId } from '#libs/kernel';
import { EMPTY_MEMORY } from './memory.ts';
import { nextStep } from './next-step.ts';
import type { GoalOf } from './step.ts';

const systemIdentifier = '7300000000000000001';
const around = {
  guard: { incarnation: guardIncarnation('g1'), epoch: null },
  detached: null,
  abandonedHandOver: null,
};
const own = { timeline: timelineId(1), ancestors: [] };
const stopped = {
  ...around,
  ...({ kind: 'stopped', systemIdentifier, own } as const),
  walEnd: lsnOf(100n),
  cleanShutdown: true,
};
const detached: GoalOf<'detached'> = { kind: 'detached', throughEpoch: epoch(3), systemIdentifier };
const proof = {
  throughEpoch: epoch(3),
  position: { timeline: timelineId(1), lsn: lsnOf(100n) },
};

it('what stands still is not started, and says why', () => {
  const goal = { ...detached, still: 'pg2 is in maintenance' };
  const step = nextStep(goal, { ...stopped, detached: proof }, EMPTY_MEMORY);
  expect(step).toEqual({ kind: 'rest', why: 'pg2 is in maintenance' });
});

it('it still keeps away from a lost primary: that takes nothing from anybody', () => {
  const goal = { ...detached, still: 'pg2 is in maintenance' };
  expect(nextStep(goal, stopped, EMPTY_MEMORY).kind).toBe('detach');
});

it('one without a right to write is ended all the same', () => {
  const goal = { ...detached, still: 'pg2 is in maintenance' };
  const writes = { timeline: timelineId(1), readOnly: false, settled: true } as const;
  expect(nextStep(goal, { ...around, kind: 'primary', ...writes }, EMPTY_MEMORY)).toMatchObject({
    kind: 'stop',
    mode: 'immediate',
  });
});

it('who promised the primary of an epoch detaches from it only once that has lapsed', () => {
  const promised = { epoch: epoch(3), remainingMs: 900 };
  expect(nextStep(detached, { ...stopped, promised }, EMPTY_MEMORY).kind).toBe('await');
  expect(nextStep(detached, { ...stopped, promised: null }, EMPTY_MEMORY).kind).toBe('detach');
  const earlier = { epoch: epoch(4), remainingMs: 900 };
  expect(nextStep(detached, { ...stopped, promised: earlier }, EMPTY_MEMORY).kind).toBe('detach');
});
