import { existsSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { markUnfinishedBeside, unfinishedWork } from '#libs/process';
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
import { type Act, isSwapUnfinished, perform, type Swap, swap } from './swap-journal.ts';

/**
 * Puts a complete copy in the place of what is there, by rename within each file system. What is there
 * goes aside whole: the data directory, its WAL directory and the version directory of each tablespace
 * (safety 25). An earlier copy aside was never replaced by one that streamed, so it is kept, and what
 * is there now goes.
 *
 * @throws PlaceTakenError before anything is changed
 */
export async function swapIn(
  copy: CopyPlaces,
  keepsAside: boolean,
  onAct: (index: number) => void = () => undefined,
): Promise<Swap> {
  const { dataDirectory } = copy.target;
  refuseStrayFiles(copy);
  const work = 'putting a copy in place';
  return swap(dataDirectory, { ...planSwap(copy, keepsAside), work }, onAct);
}

/** A copy whose swap has begun, and did not end, is all that `finishSwap` has to go on with: it stays. */
export async function discardCopy(copy: CopyPlaces): Promise<void> {
  if (!isSwapUnfinished(copy.target.dataDirectory)) await copy.remove();
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

/** As `asideOf`; null too when some work on it had not ended before it was put aside: a ruin is no copy. */
export function wholeAsideOf(dataDirectory: string): string | null {
  const aside = asideOf(dataDirectory);
  return aside === null || unfinishedWork(aside) !== undefined ? null : aside;
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

export function isAside(path: string): boolean {
  return path.endsWith('.matriarch-aside');
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
  const work = unfinishedWork(dataDirectory);
  if (work !== undefined) acts.push({ kind: 'mark', path: aside, work });
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
export function moveContents(from: string, to: string): readonly Act[] {
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

export function placed(from: string, to: string): readonly Act[] {
  if (!isMountPoint(to)) return [{ kind: 'move', from, to }];
  const moves = contentsOf(from).map(
    (name): Act => ({ kind: 'move', from: join(from, name), to: join(to, name) }),
  );
  return [...moves, { kind: 'remove', path: from }];
}
