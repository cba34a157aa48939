import { describe, expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import { type ActedMemory, EMPTY_MEMORY, judgeBasis, promiseDetached } from './memory.ts';

const acted: ActedMemory = {
  controllersIncarnation: 'a',
  version: 12,
  epoch: 5,
  detachedThroughEpoch: 4,
};

describe('judgeBasis', () => {
  it.each([
    ['the same state', { controllersIncarnation: 'a', version: 12, epoch: 5 }, 'usable'],
    ['a later one', { controllersIncarnation: 'a', version: 13, epoch: 6 }, 'usable'],
    ['an older version', { controllersIncarnation: 'a', version: 11, epoch: 5 }, 'refused'],
    ['an older epoch', { controllersIncarnation: 'a', version: 12, epoch: 4 }, 'refused'],
    ['restored controllers', { controllersIncarnation: 'b', version: 99, epoch: 9 }, 'refused'],
  ])('%s is $2', (_name, basis, expected) => {
    expect(judgeBasis(acted, basis).kind).toBe(expected);
  });

  it('takes what it first sees, and remembers it', () => {
    const verdict = judgeBasis(EMPTY_MEMORY, { controllersIncarnation: 'a', version: 3, epoch: 1 });
    expect(verdict).toMatchObject({ kind: 'usable', memory: { version: 3, epoch: 1 } });
  });
});

it('a promise never goes back', () => {
  expect(promiseDetached(acted, epoch(3)).detachedThroughEpoch).toBe(4);
  expect(promiseDetached(acted, epoch(6)).detachedThroughEpoch).toBe(6);
});
