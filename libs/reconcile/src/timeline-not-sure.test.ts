import { expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import { conditions, impostor, onFirst, standbyGoal, upstream } from '#libs/testing';
import type { ConditionOf } from './condition.ts';
import { EMPTY_MEMORY } from './memory.ts';
import { nextStep } from './next-step.ts';

/** Restarted, its control file is still of the timeline before the promotion that its WAL has followed. */
function restarted(): ConditionOf<'standby'> {
  const found = [...conditions()].find(({ kind }) => kind === 'standby');
  if (found?.kind !== 'standby') throw new Error('a standby is among the conditions');
  const walEnd = parseLsn('0/6000');
  return { ...found, own: onFirst, walEnd, upstream: upstream.postgres, timelineAtLeast: true };
}

const step = (condition: ConditionOf<'standby'>) =>
  nextStep(standbyGoal(null), condition, EMPTY_MEMORY);

it('a standby whose control file alone tells its timeline is not stopped for what that seems to say', () => {
  expect(step(restarted())).toMatchObject({ kind: 'await' });
  expect(step({ ...restarted(), upstream: null })).toMatchObject({ kind: 'follow' });
});

it('is stopped once its receiver or its WAL has told it, and at once where no later timeline would help', () => {
  const { timelineAtLeast: _, ...told } = restarted();
  expect(step(told)).toMatchObject({ kind: 'stop', mode: 'fast' });
  expect(step({ ...restarted(), own: impostor })).toMatchObject({ kind: 'stop', mode: 'fast' });
});
