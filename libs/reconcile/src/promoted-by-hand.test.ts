import { expect, it } from 'vitest';
import { timelineId } from '#libs/kernel';
import { conditions, standbyGoal } from '#libs/testing';
import { EMPTY_MEMORY } from './memory.ts';
import { nextStep } from './next-step.ts';

it('a standby that was promoted by hand is ended, and the log says why', () => {
  const primary = [...conditions()].find(({ kind }) => kind === 'primary');
  if (primary?.kind !== 'primary') throw new Error('a primary is among the conditions');
  const whyOn = (timeline: number): string => {
    const step = nextStep(
      standbyGoal(null),
      { ...primary, timeline: timelineId(timeline) },
      EMPTY_MEMORY,
    );
    expect(step).toMatchObject({ kind: 'stop', mode: 'immediate' });
    return step.why;
  };
  expect(whyOn(1)).toBe('another instance is primary');
  expect(whyOn(9)).toBe(
    "it writes on timeline 9, which is none of the cluster's (promoted by hand?); another is primary of epoch 2",
  );
});
