import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markUnfinished, unfinishedWork } from '#libs/process';
import { copyBeside, linkedInstance, put, textsOf } from '../testing/linked-instance.ts';
import { canPutBack, putBackAside } from './put-back.ts';
import { asideOf, makeRoom, swapIn, wholeAsideOf } from './swap-in.ts';

let root: string;
let data: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'mtswap-')));
  data = join(root, 'pg1');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const linked = (text: string): void => linkedInstance(root, text);
const copied = (text: string) => copyBeside(root, text);

describe('a copy aside that is put back', () => {
  it('is where it was, with WAL and tablespaces, and what was there is kept as a new copy is', async () => {
    linked('old');
    await swapIn(await copied('new'), true);
    expect(canPutBack(data)).toBe(true);
    await putBackAside(data);
    expect(textsOf(data)).toEqual(['old', 'old', 'old']);
    expect(textsOf(`${data}.matriarch-new`)).toEqual(['new', 'new', 'new']);
    expect(realpathSync(join(data, 'pg_wal'))).toBe(join(root, 'wal'));
    expect(realpathSync(join(data, 'pg_tblspc', '16400'))).toBe(join(root, 'ts'));
    expect(asideOf(data)).toBeNull();
    expect(canPutBack(data)).toBe(false);
    expect(unfinishedWork(data)).toBeUndefined();
    // then: the next copy is made where that one is kept, as always
    await swapIn(await copied('newer'), true);
    expect(textsOf(data)).toEqual(['newer', 'newer', 'newer']);
    expect(textsOf(asideOf(data) ?? '')).toEqual(['old', 'old', 'old']);
  });

  it('takes the place of what an attempt began and did not end, and of what had to go first', async () => {
    linked('old');
    await swapIn(await copied('new'), true);
    await makeRoom(data);
    expect(unfinishedWork(data)).toBe('making room for a copy');
    await putBackAside(data);
    expect(textsOf(data)).toEqual(['old', 'old', 'old']);
    expect(unfinishedWork(data)).toBeUndefined();
  });

  it('takes no harm from what an attempt that was killed had left', async () => {
    linked('old');
    await swapIn(await copied('new'), true);
    for (const place of [`${data}.matriarch-new`, join(root, 'wal.matriarch-new')]) {
      put(join(place, 'left'), 'half');
    }
    put(join(root, 'ts', '.matriarch-new', 'PG_15_1', '2'), 'half');
    await putBackAside(data);
    expect(textsOf(data)).toEqual(['old', 'old', 'old']);
    expect(textsOf(`${data}.matriarch-new`)).toEqual(['new', 'new', 'new']);
  });

  it('where nothing lies aside, nothing is done', async () => {
    linked('old');
    expect(await putBackAside(data)).toBeNull();
    expect(textsOf(data)).toEqual(['old', 'old', 'old']);
  });

  it('is put back after a crash at any act, with the same end', { timeout: 60_000 }, async () => {
    linked('old');
    await swapIn(await copied('new'), true);
    const acts = (await putBackAside(data))?.acts.length ?? 0;
    expect(acts).toBeGreaterThan(10);
    for (let crash = 0; crash < acts; crash += 1) {
      rmSync(root, { recursive: true });
      linked('old');
      await swapIn(await copied('new'), true);
      const crashing = (index: number): void => {
        if (index === crash) throw new Error('crash');
      };
      await expect(putBackAside(data, crashing)).rejects.toThrow('crash');
      expect(unfinishedWork(data)).toBe('putting the copy aside back');
      expect(canPutBack(data)).toBe(true);
      await putBackAside(data);
      expect(textsOf(data)).toEqual(['old', 'old', 'old']);
      expect(textsOf(`${data}.matriarch-new`)).toEqual(['new', 'new', 'new']);
      expect(canPutBack(data)).toBe(false);
    }
  });

  it('first ends a swap that a crash interrupted', { timeout: 60_000 }, async () => {
    linked('old');
    const { acts } = await swapIn(await copied('new'), true);
    for (let crash = 0; crash < acts.length; crash += 1) {
      rmSync(root, { recursive: true });
      linked('old');
      const crashing = (index: number): void => {
        if (index === crash) throw new Error('crash');
      };
      await expect(swapIn(await copied('new'), true, crashing)).rejects.toThrow('crash');
      expect(canPutBack(data)).toBe(true);
      await putBackAside(data);
      expect(textsOf(data)).toEqual(['old', 'old', 'old']);
    }
  });
});

it('what some work on it had not ended stays marked where it is kept, and is never put back', async () => {
  linked('half rewound');
  markUnfinished(data, 'pg_rewind');
  // pg_rewind removes what its source does not have, the mark in the directory too.
  rmSync(join(data, 'matriarch.unfinished'));
  const { aside } = await swapIn(await copied('new'), true);
  expect(asideOf(data)).toBe(aside);
  expect(unfinishedWork(data)).toBeUndefined();
  expect(unfinishedWork(aside ?? '')).toBe('pg_rewind');
  expect(wholeAsideOf(data)).toBeNull();
  expect(canPutBack(data)).toBe(false);
  expect(await putBackAside(data)).toBeNull();
  expect(textsOf(data)).toEqual(['new', 'new', 'new']);
});
