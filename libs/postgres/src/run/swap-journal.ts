import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { codeOf, unreachable } from '#libs/kernel';
import {
  clearUnfinished,
  fsyncDirectory,
  markUnfinishedBeside,
  markUnfinishedInside,
  readFileIfPresent,
  removeFileDurably,
  writeFileDurably,
} from '#libs/process';
import { removeTree } from './remove-tree.ts';

/** One thing to do; the one that a crash interrupted is done again. */
export type Act =
  | { readonly kind: 'makeDirectory'; readonly path: string }
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  /** What was kept here is no instance that could be started. */
  | { readonly kind: 'mark'; readonly path: string; readonly work: string };

export type Swap = {
  /** Null: there was nothing, or an earlier copy is aside already and is worth more. */
  readonly aside: string | null;
  readonly acts: readonly Act[];
};

type Journal = Swap & { readonly done: number };

/**
 * The acts are written down first: after a crash `finishSwap` goes on with them, and until then the
 * directory is marked and never started.
 *
 * @param onAct called before each act, when it is on disk that those before it are done
 */
export async function swap(
  dataDirectory: string,
  { work, ...planned }: Swap & { readonly work: string },
  onAct: (index: number) => void = () => undefined,
): Promise<Swap> {
  markUnfinishedBeside(dataDirectory, work);
  await carryOut(dataDirectory, { ...planned, done: 0 }, onAct);
  return planned;
}

/** @returns the swap that a crash had interrupted; null when there was none */
export async function finishSwap(dataDirectory: string): Promise<Swap | null> {
  const text = readFileIfPresent(journalOf(dataDirectory));
  if (text === undefined) return null;
  const journal = JSON.parse(text) as Journal;
  await carryOut(dataDirectory, journal, () => undefined);
  return journal;
}

/** Whether a crash interrupted a swap. */
export function isSwapUnfinished(dataDirectory: string): boolean {
  return existsSync(journalOf(dataDirectory));
}

function journalOf(dataDirectory: string): string {
  return `${resolve(dataDirectory)}.matriarch-swap`;
}

/**
 * How far it came is on disk before the next act begins: one that was done long ago must not be done
 * again, because by then its path may hold the new copy.
 */
async function carryOut(
  dataDirectory: string,
  { aside, acts, done }: Journal,
  onAct: (index: number) => void,
): Promise<void> {
  for (const [index, act] of acts.entries()) {
    if (index < done) continue;
    const journal: Journal = { aside, acts, done: index };
    writeFileDurably(journalOf(dataDirectory), JSON.stringify(journal));
    onAct(index);
    await perform(act);
  }
  clearUnfinished(dataDirectory);
  removeFileDurably(journalOf(dataDirectory));
}

export async function perform(act: Act): Promise<void> {
  switch (act.kind) {
    case 'makeDirectory':
      mkdirSync(act.path, { recursive: true, mode: 0o700 });
      fsyncDirectory(dirname(act.path));
      return;
    case 'remove':
      return removeTree(act.path);
    case 'mark':
      markUnfinishedInside(act.path, act.work);
      return;
    case 'link':
      if (isLinkTo(act.path, act.to)) return;
      rmSync(act.path, { force: true });
      symlinkSync(act.to, act.path);
      fsyncDirectory(dirname(act.path));
      return;
    case 'move':
      if (!existsSync(act.from)) return;
      renameSync(act.from, act.to);
      fsyncDirectory(dirname(act.to));
      fsyncDirectory(dirname(act.from));
      return;
    default:
      unreachable(act);
  }
}

function isLinkTo(path: string, to: string): boolean {
  try {
    return readlinkSync(path) === to;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EINVAL') return false;
    throw error;
  }
}
