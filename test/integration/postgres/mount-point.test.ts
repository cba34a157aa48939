import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  asideOf,
  CopyPlaces,
  dataPlacesOf,
  finishSwap,
  removeAside,
  swapIn,
} from '#libs/postgres-run';
import { run } from '#libs/process';

const TOOL = { timeoutMs: 10_000 };
const INSIDE = { new: '.matriarch-new', aside: '.matriarch-aside' };

let root: string;
let data: string;

/** A data directory that is a file system of its own: the kernel refuses to rename or to remove it. */
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'mtmount-'));
  data = join(root, 'pg1');
  mkdirSync(data);
  await run(['mount', '-t', 'tmpfs', '-o', 'size=1M', 'tmpfs', data], TOOL);
});

/** Lazily: a test that failed may have left something open in it. */
afterEach(async () => {
  await run(['umount', '--lazy', data], { ...TOOL, acceptExitCodes: [0, 1, 32] });
  rmSync(root, { recursive: true, force: true });
});

function instance(directory: string, text: string): void {
  for (const name of ['base', 'pg_wal', 'pg_tblspc']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'PG_VERSION'), '15\n');
  writeFileSync(join(directory, 'base', '1'), text);
}

const textOf = (directory: string) => readFileSync(join(directory, 'base', '1'), 'utf8');

async function copied(text: string): Promise<CopyPlaces> {
  const copy = new CopyPlaces(dataPlacesOf(data));
  await copy.prepare();
  instance(copy.dataDirectory, text);
  return copy;
}

it('a copy is made and put in place within a mount point, what was there is kept in it (safety 25)', async () => {
  instance(data, 'old');
  const device = statSync(data).dev;
  const copy = await copied('new');
  expect(copy.dataDirectory).toBe(join(data, INSIDE.new));
  const { aside } = await swapIn(copy, true);
  expect(aside).toBe(join(data, INSIDE.aside));
  expect(asideOf(data)).toBe(aside);
  expect([textOf(data), textOf(join(data, INSIDE.aside))]).toEqual(['new', 'old']);
  expect(statSync(data).dev).toBe(device);
  await removeAside(data);
  expect(readdirSync(data).sort()).toEqual(['PG_VERSION', 'base', 'pg_tblspc', 'pg_wal']);
  expect(textOf(data)).toBe('new');
});

it('a swap within a mount point that broke off at any act goes on to the same end', async () => {
  instance(data, 'old');
  const { acts } = await swapIn(await copied('new'), true);
  for (let crash = 0; crash < acts.length; crash += 1) {
    for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true });
    instance(data, 'old');
    const copy = await copied('new');
    const crashing = (index: number): void => {
      if (index === crash) throw new Error('crash');
    };
    await expect(swapIn(copy, true, crashing)).rejects.toThrow('crash');
    expect((await finishSwap(data))?.aside).toBe(join(data, INSIDE.aside));
    expect([textOf(data), textOf(join(data, INSIDE.aside))]).toEqual(['new', 'old']);
  }
});
