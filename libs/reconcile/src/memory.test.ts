import { describe, expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import { type ActedMemory, EMPTY_MEMORY, judgeBasis, promiseDetached } from './memory.ts';

const acted: ActedMemory = {
  controllersIncarnation: 'a',
  version: 12,
  epoch: 5,
  detachedThroughEpoch: 4,
};

const RESTORED = { controllersIncarnation: 'b', version: 99, epoch: 3 };

describe('judgeBasis', () => {
  it.each([
    [
      'the same state',
      { controllersIncarnation: 'a', version: 12, epoch: 5, restored: null },
      'usable',
    ],
    [
      'a later one',
      { controllersIncarnation: 'a', version: 13, epoch: 6, restored: null },
      'usable',
    ],
    [
      'an older version',
      { controllersIncarnation: 'a', version: 11, epoch: 5, restored: null },
      'refused',
    ],
    [
      'an older epoch',
      { controllersIncarnation: 'a', version: 12, epoch: 4, restored: null },
      'refused',
    ],
    [
      'restored controllers',
      { controllersIncarnation: 'b', version: 99, epoch: 9, restored: null },
      'refused',
    ],
    [
      'restored controllers, not confirmed',
      { ...RESTORED, restored: { incarnation: 'b', confirmed: false } },
      'refused',
    ],
    [
      'restored controllers, confirmed',
      { ...RESTORED, restored: { incarnation: 'b', confirmed: true } },
      'usable',
    ],
    [
      'a state confirmed under another restoration',
      { ...RESTORED, restored: { incarnation: 'c', confirmed: true } },
      'refused',
    ],
  ])('%s is $2', (_name, basis, expected) => {
    expect(judgeBasis(acted, basis).kind).toBe(expected);
  });

  it('takes what it first sees, and remembers it', () => {
    const basis = { controllersIncarnation: 'a', version: 3, epoch: 1, restored: null };
    const verdict = judgeBasis(EMPTY_MEMORY, basis);
    expect(verdict).toMatchObject({ kind: 'usable', memory: { version: 3, epoch: 1 } });
  });

  it('acts on nothing of a restored group before it is confirmed, even without a memory', () => {
    const restored = { incarnation: 'b', confirmed: false };
    expect(judgeBasis(EMPTY_MEMORY, { ...RESTORED, restored }).kind).toBe('refused');
  });

  it('begins epochs and promises anew with a confirmed restoration', () => {
    const restored = { incarnation: 'b', confirmed: true };
    expect(judgeBasis(acted, { ...RESTORED, restored })).toMatchObject({
      memory: { controllersIncarnation: 'b', epoch: 3, detachedThroughEpoch: 0 },
    });
  });
});

it('a promise never goes back', () => {
  expect(promiseDetached(acted, epoch(3)).detachedThroughEpoch).toBe(4);
  expect(promiseDetached(acted, epoch(6)).detachedThroughEpoch).toBe(6);
});
