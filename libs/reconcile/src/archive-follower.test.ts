/** A standby leader that follows an archive: there is no server to stream from, to rewind to or to copy from. */
import { describe, expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import {
  archiveGoal,
  conditions,
  forkLsn,
  onFirst,
  onSecond,
  order,
  upstream,
} from '#libs/testing';
import type { ConditionOf } from './condition.ts';
import { EMPTY_MEMORY } from './memory.ts';
import { nextStep } from './next-step.ts';

const around = [...conditions()].find(({ guard }) => guard.epoch === null);
if (around === undefined) throw new Error('there is no condition without a lease');
const { guard, detached, abandonedHandOver } = around;
const instance = {
  ...{ guard, detached, abandonedHandOver },
  ...{ own: onSecond, walEnd: parseLsn('0/6000'), systemIdentifier: '7' },
};
const stopped: ConditionOf<'stopped'> = { ...instance, kind: 'stopped', cleanShutdown: true };
const standby: ConditionOf<'standby'> = {
  ...instance,
  ...{ kind: 'standby', upstream: null, receiving: false, restores: true },
};
const step = (condition: typeof stopped | typeof standby, goal = archiveGoal(null)) =>
  nextStep(goal, condition, EMPTY_MEMORY);

describe('a standby leader of an archive', () => {
  it('starts with the archive and without an upstream, and is no detached one', () => {
    expect(step(stopped)).toMatchObject({
      ...{ kind: 'startStandby', upstream: null, archiveOnly: true },
      why: 'follows the pgbackrest archive, outside of the cluster',
    });
  });

  it('rests while it replays, leaves an upstream that it had, and begins to restore again', () => {
    expect(step(standby).kind).toBe('rest');
    const follow = { kind: 'follow', upstream: null, archiveOnly: true };
    expect(step({ ...standby, upstream: upstream.postgres })).toMatchObject(follow);
    expect(step({ ...standby, restores: false })).toMatchObject(follow);
  });

  it('is built anew from a backup where others would be rewound', () => {
    const strayed = { ...stopped, own: onFirst, walEnd: parseLsn('0/6000') };
    expect(forkLsn).toBeLessThan(strayed.walEnd);
    expect(step(strayed).kind).toBe('needsRebuild');
    // Also where the cluster's own list has pg_rewind.
    const goal = { ...archiveGoal(null), methods: ['pg_rewind', 'basebackup'] as const };
    expect(step(strayed, goal).kind).toBe('needsRebuild');
    expect(step(strayed, archiveGoal(order))).toMatchObject({ kind: 'rebuild', upstream: null });
  });
});
