import { describe, expect, it } from 'vitest';
import { named, runningCluster, SYSTEM_IDENTIFIER } from '#libs/testing';
import { admit } from './admit.ts';
import type { ClusterEvent } from './events.ts';

const [pg1, pg2] = [named('pg1'), named('pg2')];

/** pg1 holds epoch 1 on timeline 1. */
const held = runningCluster().state;

function released(of: number, guard: string): ClusterEvent {
  const fields = { epoch: of, guard, reason: 'yielded', position: null };
  return { type: 'LeaseReleased', ...fields } as never;
}

function grant(of: number, holder: string, timeline: number): ClusterEvent {
  const fields = { epoch: of, holder, guard: `${holder}-g1`, timeline };
  return {
    type: 'LeaseGranted',
    ...fields,
    reason: 'failover',
    refusals: [],
    position: null,
  } as never;
}

function promoted(of: number, timeline: number, fork: [number, bigint] | null): ClusterEvent {
  const left = fork === null ? null : { from: fork[0], lsn: fork[1] };
  return { type: 'Promoted', epoch: of, instance: pg1, timeline, fork: left } as never;
}

const after = (...events: ClusterEvent[]) => runningCluster().record(events).state;

describe('while an epoch is held', () => {
  it.each([
    ['no other is granted', grant(2, 'pg2', 2), 'epoch 1 is still held by pg1'],
    ['another start of the guard releases nothing', released(1, 'pg1-g2'), 'not pg1-g2'],
    ['no other epoch is released', released(2, 'pg1-g1'), 'epoch 1 is held, not 2'],
    ['its holder is not removed', { type: 'InstanceRemoved', instance: pg1 }, 'holds epoch 1'],
    ['nobody else serves', { type: 'PrimaryResumed', epoch: 1, instance: pg2 }, 'held by pg1'],
    ['no ungranted timeline is written', promoted(1, 2, [1, 5n]), 'timeline 2 was not granted'],
    [
      'the database is not made again',
      { type: 'ClusterInitialised', instance: pg2, systemIdentifier: SYSTEM_IDENTIFIER },
      'initialised before',
    ],
  ] as [string, ClusterEvent, string][])('%s', (_rule, event, refusal) => {
    expect(admit(held, event)).toContain(refusal);
  });
});

describe('after it was released', () => {
  const free = after(released(1, 'pg1-g1'));

  it.each([
    ['the next epoch goes to anybody, on a new timeline', grant(2, 'pg2', 2), null],
    ['its holder goes on where it was', grant(2, 'pg1', 1), null],
    ['nobody else goes on where it was', grant(2, 'pg2', 1), 'given out before'],
    ['no epoch is left out', grant(3, 'pg2', 2), 'the next epoch is 2'],
    ['a stranger gets none', grant(2, 'pg9', 2), 'not a member'],
    ['it is not released twice', released(1, 'pg1-g1'), 'no epoch is held'],
    ['its holder serves no more', { type: 'PrimaryResumed', epoch: 1, instance: pg1 }, 'no epoch'],
  ] as [string, ClusterEvent, string | null][])('%s', (_rule, event, refusal) => {
    if (refusal === null) expect(admit(free, event)).toBeNull();
    else expect(admit(free, event)).toContain(refusal);
  });
});

describe('a new timeline', () => {
  const next = after(released(1, 'pg1-g1'), grant(2, 'pg1', 3));

  it.each([
    ['leaves one of the cluster', promoted(2, 3, [1, 5n]), null],
    ['never hangs in the air', promoted(2, 3, null), "left none of the cluster's"],
    ['leaves no unknown one', promoted(2, 3, [2, 5n]), "is not the cluster's"],
  ] as [string, ClusterEvent, string | null][])('%s', (_rule, event, refusal) => {
    if (refusal === null) expect(admit(next, event)).toBeNull();
    else expect(admit(next, event)).toContain(refusal);
  });
});
