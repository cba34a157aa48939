import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unfinishedWork } from '#libs/process';
import { copyBeside, linkedInstance, put, textsOf } from '../testing/linked-instance.ts';
import { CopyPlaces, dataPlacesOf } from './data-places.ts';
import { asideOf, hasGone, removeAside, swapIn } from './swap-in.ts';
import { finishSwap } from './swap-journal.ts';

let root: string;
let data: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'mtswap-')));
  data = join(root, 'pg1');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const linked = (text: string): void => linkedInstance(root, text);
const copied = (text: string) => copyBeside(root, text);

describe('a copy that takes the place of an instance', () => {
  it('is whole, and so is what was there before: WAL and tablespaces too', async () => {
    linked('old');
    const { aside } = await swapIn(await copied('new'), true);
    expect(textsOf(data)).toEqual(['new', 'new', 'new']);
    expect(aside).toBe(`${data}.matriarch-aside`);
    expect(textsOf(aside ?? '')).toEqual(['old', 'old', 'old']);
    expect(asideOf(data)).toBe(aside);
    expect(unfinishedWork(data)).toBeUndefined();
    await removeAside(data);
    expect(readdirSync(root).sort()).toEqual(['pg1', 'ts', 'wal']);
    expect(readdirSync(join(root, 'ts'))).toEqual(['PG_15_1']);
    expect(textsOf(data)).toEqual(['new', 'new', 'new']);
  });

  it('does not displace an earlier copy aside, which nothing that streamed has replaced', async () => {
    linked('first');
    await swapIn(await copied('second'), true);
    await swapIn(await copied('third'), true);
    expect(textsOf(data)).toEqual(['third', 'third', 'third']);
    expect(textsOf(asideOf(data) ?? '')).toEqual(['first', 'first', 'first']);
  });

  it('takes the place of what goes first where there is no room for both', async () => {
    linked('old');
    expect((await swapIn(await copied('new'), false)).aside).toBeNull();
    expect(textsOf(data)).toEqual(['new', 'new', 'new']);
    expect(existsSync(`${data}.matriarch-aside`)).toBe(false);
  });

  it('goes into an empty place', async () => {
    mkdirSync(data);
    const copy = new CopyPlaces(dataPlacesOf(data));
    await copy.prepare();
    put(join(copy.dataDirectory, 'PG_VERSION'), '15\n');
    expect((await swapIn(copy, true)).aside).toBeNull();
    expect(readdirSync(root)).toEqual(['pg1']);
  });

  it('is finished after a crash at any act, with the same end', { timeout: 60_000 }, async () => {
    linked('old');
    const { acts } = await swapIn(await copied('new'), true);
    expect(acts.length).toBeGreaterThan(6);
    for (let crash = 0; crash < acts.length; crash += 1) {
      rmSync(root, { recursive: true });
      linked('old');
      const journal = `${data}.matriarch-swap`;
      const crashing = (index: number): void => {
        if (index === crash) throw new Error('crash');
      };
      await expect(swapIn(await copied('new'), true, crashing)).rejects.toThrow('crash');
      expect(unfinishedWork(data)).toBe('putting a copy in place');
      expect(JSON.parse(readFileSync(journal, 'utf8')).done).toBe(crash);
      expect((await finishSwap(data))?.aside).toBe(`${data}.matriarch-aside`);
      expect(textsOf(data)).toEqual(['new', 'new', 'new']);
      expect(textsOf(`${data}.matriarch-aside`)).toEqual(['old', 'old', 'old']);
      expect(await finishSwap(data)).toBeNull();
    }
  });
});

describe('the removal of a copy aside', () => {
  it('that a crash interrupted is ended with the next one', async () => {
    linked('old');
    await swapIn(await copied('new'), true);
    for (const place of [join(root, 'wal'), `${root}/ts/`, data]) {
      renameSync(`${place}.matriarch-aside`, `${place}.matriarch-gone`);
    }
    expect(hasGone(data)).toBe(true);
    await swapIn(await copied('newer'), true);
    expect(textsOf(asideOf(data) ?? '')).toEqual(['new', 'new', 'new']);
    await removeAside(data);
    expect(hasGone(data)).toBe(false);
    expect(readdirSync(root).sort()).toEqual(['pg1', 'ts', 'wal']);
    expect(textsOf(data)).toEqual(['newer', 'newer', 'newer']);
  });
});
