import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { codeOf, unreachable } from '#libs/kernel';
import {
  clearUnfinished,
  fsyncDirectory,
  markUnfinishedBeside,
  readFileIfPresent,
  removeFileDurably,
  writeFileDurably,
} from '#libs/process';
import {
  asidePlaceOf,
  asideTablespaceOf,
  type CopyPlaces,
  contentsOf,
  type DataPlaces,
  dataPlacesOf,
  gonePlaceOf,
  isMountPoint,
} from './data-places.ts';
import { removeTree } from './remove-tree.ts';
import { refuseStrayFiles } from './stray-files.ts';

/** One thing to do; the one that a crash interrupted is done again. */
type Act =
  | { readonly kind: 'makeDirectory'; readonly path: string }
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string };

export type Swap = {
  /** Null: there was nothing, or an earlier copy is aside already and is worth more. */
  readonly aside: string | null;
  readonly acts: readonly Act[];
};

type Journal = Swap & { readonly done: number };

/**
 * Puts a complete copy in the place of what is there, by rename within each file system. What is there
 * goes aside whole: the data directory, its WAL directory and the version directory of each tablespace
 * (safety 25). An earlier copy aside was never replaced by one that streamed, so it is kept, and what
 * is there now goes.
 *
 * The acts are written down first: after a crash `finishSwap` goes on with them, and until then the
 * directory is marked and never started.
 *
 * @param onAct called before each act, when it is on disk that those before it are done
 * @throws PlaceTakenError before anything is changed
 */
export async function swapIn(
  copy: CopyPlaces,
  keepsAside: boolean,
  onAct: (index: number) => void = () => undefined,
): Promise<Swap> {
  const { dataDirectory } = copy.target;
  refuseStrayFiles(copy);
  const swap = planSwap(copy, keepsAside);
  markUnfinishedBeside(dataDirectory, 'putting a copy in place');
  await carryOut(dataDirectory, { ...swap, done: 0 }, onAct);
  return swap;
}

/** A copy whose swap has begun, and did not end, is all that `finishSwap` has to go on with: it stays. */
export async function discardCopy(copy: CopyPlaces): Promise<void> {
  if (!existsSync(journalOf(copy.target.dataDirectory))) await copy.remove();
}

/** @returns the swap that a crash had interrupted; null when there was none */
export async function finishSwap(dataDirectory: string): Promise<Swap | null> {
  const text = readFileIfPresent(journalOf(dataDirectory));
  if (text === undefined) return null;
  const journal = JSON.parse(text) as Journal;
  await carryOut(dataDirectory, journal, () => undefined);
  return journal;
}

/**
 * Removes what is there, where the disk has no room for a second copy; until a copy is in place the
 * directory is marked.
 */
export async function makeRoom(dataDirectory: string): Promise<void> {
  const acts = removed(dataPlacesOf(dataDirectory));
  markUnfinishedBeside(dataDirectory, 'making room for a copy');
  for (const act of acts) await perform(act);
}

/** The copy that was moved aside and what it links to go for good; it is no copy aside from the first moment on. */
export async function removeAside(dataDirectory: string): Promise<void> {
  await removeGone(dataDirectory);
  for (const path of asidePlaces(asidePlaceOf(dataDirectory))) {
    if (existsSync(path)) renameSync(path, gonePlaceOf(path));
  }
  await removeGone(dataDirectory);
}

/** Whether a crash interrupted the removal of a copy aside. */
export function hasGone(dataDirectory: string): boolean {
  return existsSync(gonePlaceOf(asidePlaceOf(dataDirectory)));
}

/** Links in it tell what else is to go: it goes last. */
async function removeGone(dataDirectory: string): Promise<void> {
  const gone = gonePlaceOf(asidePlaceOf(dataDirectory));
  for (const path of asidePlaces(gone)) await removeTree(path === gone ? gone : gonePlaceOf(path));
}

/** A directory that was put aside, after what it links to: only what we have put aside is ever removed through a link. */
function asidePlaces(directory: string): readonly string[] {
  const { walDirectory, tablespaces } = dataPlacesOf(directory);
  const linked = [walDirectory, ...tablespaces.map(({ location }) => location)];
  return [...linked.filter((path) => path !== null).filter(isAside), directory];
}

export function asideOf(dataDirectory: string): string | null {
  const aside = asidePlaceOf(dataDirectory);
  return existsSync(join(aside, 'PG_VERSION')) ? aside : null;
}

function isAside(path: string): boolean {
  return path.endsWith('.matriarch-aside');
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

async function perform(act: Act): Promise<void> {
  switch (act.kind) {
    case 'makeDirectory':
      mkdirSync(act.path, { recursive: true, mode: 0o700 });
      fsyncDirectory(dirname(act.path));
      return;
    case 'remove':
      return removeTree(act.path);
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

function planSwap(copy: CopyPlaces, keepsAside: boolean): Swap {
  const { target } = copy;
  const present = dataPlacesOf(target.dataDirectory);
  const earlier = asideOf(target.dataDirectory);
  const something = contentsOf(target.dataDirectory).length > 0;
  const keeps = keepsAside && earlier === null && something;
  const acts = [...(keeps ? movedAside(present) : removed(present)), ...putInPlace(copy)];
  return { aside: keeps ? asidePlaceOf(target.dataDirectory) : earlier, acts };
}

function movedAside(present: DataPlaces): readonly Act[] {
  const { dataDirectory, walDirectory, tablespaces } = present;
  const aside = asidePlaceOf(dataDirectory);
  const acts: Act[] = [...moveContents(dataDirectory, aside)];
  if (walDirectory !== null) {
    const walAside = asidePlaceOf(walDirectory);
    acts.push(...moveContents(walDirectory, walAside));
    acts.push({ kind: 'link', path: join(aside, 'pg_wal'), to: walAside });
  }
  for (const { oid, location } of tablespaces) {
    const place = asideTablespaceOf(location);
    acts.push({ kind: 'makeDirectory', path: place });
    for (const name of contentsOf(location)) {
      acts.push({ kind: 'move', from: join(location, name), to: join(place, name) });
    }
    acts.push({ kind: 'link', path: join(aside, 'pg_tblspc', oid), to: place });
  }
  return acts;
}

function removed({ dataDirectory, walDirectory, tablespaces }: DataPlaces): readonly Act[] {
  const places = [dataDirectory, walDirectory, ...tablespaces.map(({ location }) => location)];
  return places.flatMap((place) =>
    place === null
      ? []
      : contentsOf(place).map((name): Act => ({ kind: 'remove', path: join(place, name) })),
  );
}

/** A whole directory where it can be renamed; else what it holds. */
function moveContents(from: string, to: string): readonly Act[] {
  if (!isMountPoint(from)) return [{ kind: 'move', from, to }];
  const moves = contentsOf(from).map(
    (name): Act => ({ kind: 'move', from: join(from, name), to: join(to, name) }),
  );
  return [{ kind: 'makeDirectory', path: to }, ...moves];
}

function putInPlace(copy: CopyPlaces): readonly Act[] {
  const { dataDirectory, walDirectory } = copy.target;
  const made = dataPlacesOf(copy.dataDirectory);
  const acts: Act[] = [...placed(copy.dataDirectory, dataDirectory)];
  if (walDirectory !== null && copy.walDirectory !== null) {
    acts.push(...placed(copy.walDirectory, walDirectory));
    acts.push({ kind: 'link', path: join(dataDirectory, 'pg_wal'), to: walDirectory });
  }
  for (const [location, place] of copy.tablespaces) {
    for (const name of contentsOf(place)) {
      acts.push({ kind: 'move', from: join(place, name), to: join(location, name) });
    }
    const oid = made.tablespaces.find((one) => resolve(one.location) === resolve(place))?.oid;
    if (oid !== undefined) {
      acts.push({ kind: 'link', path: join(dataDirectory, 'pg_tblspc', oid), to: location });
    }
    acts.push({ kind: 'remove', path: place });
  }
  return acts;
}

function placed(from: string, to: string): readonly Act[] {
  if (!isMountPoint(to)) return [{ kind: 'move', from, to }];
  const moves = contentsOf(from).map(
    (name): Act => ({ kind: 'move', from: join(from, name), to: join(to, name) }),
  );
  return [...moves, { kind: 'remove', path: from }];
}
