import { expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import { Failsafe } from './failsafe.ts';

const told = (change: { version?: number; on?: boolean; members?: string[]; of?: number } = {}) =>
  ({
    type: 'failsafe',
    epoch: epoch(change.of ?? 7),
    version: change.version ?? 10,
    on: change.on ?? true,
    members: change.members ?? ['pg1', 'pg2', 'pg3'],
  }) as const;

function guard(): Failsafe {
  const failsafe = new Failsafe('pg1');
  failsafe.learn(told());
  return failsafe;
}

it('asks all the others, and needs every one of them', () => {
  const failsafe = guard();
  expect(failsafe.othersFor(epoch(7))).toEqual(['pg2', 'pg3']);
  expect(failsafe.isComplete(epoch(7), ['pg2'])).toBe(false);
  expect(failsafe.isComplete(epoch(7), ['pg2', 'pg1'])).toBe(false);
  expect(failsafe.isComplete(epoch(7), ['pg3', 'pg2'])).toBe(true);
});

it('knows of no epoch but the one that it was told of', () => {
  const failsafe = guard();
  expect(failsafe.othersFor(epoch(8))).toBeNull();
  expect(failsafe.isComplete(epoch(8), ['pg2', 'pg3'])).toBe(false);
  expect(failsafe.versionFor(epoch(8))).toBeNull();
});

it('takes the newer set of members, whoever says it last', () => {
  const failsafe = guard();
  failsafe.learn(told({ version: 12, members: ['pg1', 'pg2', 'pg3', 'pg4'] }));
  failsafe.learn(told({ version: 11, members: ['pg1', 'pg2'] }));
  failsafe.learn(told({ of: 6, version: 99, members: ['pg1'] }));
  expect(failsafe.versionFor(epoch(7))).toBe(12);
  expect(failsafe.isComplete(epoch(7), ['pg2', 'pg3'])).toBe(false);
});

it('rests on nobody once it was turned off', () => {
  const failsafe = guard();
  failsafe.learn(told({ version: 11, on: false }));
  expect(failsafe.isComplete(epoch(7), ['pg2', 'pg3'])).toBe(false);
});

it('in a cluster of one nobody is missing', () => {
  const failsafe = new Failsafe('pg1');
  failsafe.learn(told({ members: ['pg1'] }));
  expect(failsafe.isComplete(epoch(7), [])).toBe(true);
});
