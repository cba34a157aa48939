import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  asideHomeOf,
  asidePlaceOf,
  contentsOf,
  type DataPlaces,
  dataPlacesOf,
  newPlaceOf,
  newTablespaceOf,
} from './data-places.ts';
import { removeTree } from './remove-tree.ts';
import { isAside, moveContents, placed, wholeAsideOf } from './swap-in.ts';
import { type Act, finishSwap, isSwapUnfinished, type Swap, swap } from './swap-journal.ts';

/** Whether there is a copy aside that could be put back, or one is on its way. */
export function canPutBack(dataDirectory: string): boolean {
  return wholeAsideOf(dataDirectory) !== null || isSwapUnfinished(dataDirectory);
}

/**
 * Puts the copy aside back where it was, with its WAL directory and tablespaces, by rename and journalled as a swap
 * is. What is there is kept as well: it goes to where a new copy is made, until the next one is.
 *
 * Nothing may run there, or copy into the place of a new copy.
 *
 * @returns null when nothing was aside
 */
export async function putBackAside(
  dataDirectory: string,
  onAct: (index: number) => void = () => undefined,
): Promise<Swap | null> {
  await finishSwap(dataDirectory);
  if (wholeAsideOf(dataDirectory) === null) return null;
  const present = dataPlacesOf(dataDirectory);
  const copy = partsAside(dataPlacesOf(asidePlaceOf(dataDirectory)));
  const away = placesOf(present, copy);
  await removeTree(newPlaceOf(dataDirectory));
  for (const place of away.wal) await removeTree(newPlaceOf(place));
  for (const place of away.tablespaces) await removeTree(newTablespaceOf(place));
  const acts = [...movedAway(present, away), ...broughtBack(dataDirectory, copy)];
  const work = 'putting the copy aside back';
  return swap(dataDirectory, { aside: null, acts, work }, onAct);
}

/** Of the copy: what lies elsewhere, and was put aside there. */
function partsAside({ walDirectory, tablespaces, dataDirectory }: DataPlaces): DataPlaces {
  return {
    dataDirectory,
    walDirectory: walDirectory !== null && isAside(walDirectory) ? walDirectory : null,
    tablespaces: tablespaces.filter(({ location }) => isAside(location)),
  };
}

type Places = { readonly wal: readonly string[]; readonly tablespaces: readonly string[] };

/** Whatever stands where a part of the copy belongs has to go, whether or not what is there links to it. */
function placesOf(present: DataPlaces, copy: DataPlaces): Places {
  const wal = copy.walDirectory === null ? null : asideHomeOf(copy.walDirectory);
  const homes = copy.tablespaces.map(({ location }) => asideHomeOf(location));
  const own = present.tablespaces.map(({ location }) => location);
  return {
    wal: [...new Set([present.walDirectory, wal])].filter((place) => place !== null),
    tablespaces: [...new Set([...own, ...homes])],
  };
}

function movedAway(present: DataPlaces, { wal, tablespaces }: Places): readonly Act[] {
  const made = newPlaceOf(present.dataDirectory);
  const acts: Act[] = [...moveContents(present.dataDirectory, made)];
  for (const place of wal) {
    if (existsSync(place)) acts.push(...moveContents(place, newPlaceOf(place)));
    if (place !== present.walDirectory) continue;
    acts.push({ kind: 'link', path: join(made, 'pg_wal'), to: newPlaceOf(place) });
  }
  for (const location of tablespaces) {
    const place = newTablespaceOf(location);
    acts.push({ kind: 'makeDirectory', path: place });
    for (const name of contentsOf(location)) {
      acts.push({ kind: 'move', from: join(location, name), to: join(place, name) });
    }
    const oid = present.tablespaces.find((one) => one.location === location)?.oid;
    if (oid === undefined) continue;
    acts.push({ kind: 'link', path: join(made, 'pg_tblspc', oid), to: place });
  }
  return acts;
}

function broughtBack(dataDirectory: string, copy: DataPlaces): readonly Act[] {
  const acts: Act[] = [...placed(copy.dataDirectory, dataDirectory)];
  if (copy.walDirectory !== null) {
    const home = asideHomeOf(copy.walDirectory);
    acts.push(...placed(copy.walDirectory, home));
    acts.push({ kind: 'link', path: join(dataDirectory, 'pg_wal'), to: home });
  }
  for (const { oid, location } of copy.tablespaces) {
    const home = asideHomeOf(location);
    for (const name of contentsOf(location)) {
      acts.push({ kind: 'move', from: join(location, name), to: join(home, name) });
    }
    acts.push({ kind: 'link', path: join(dataDirectory, 'pg_tblspc', oid), to: home });
    acts.push({ kind: 'remove', path: location });
  }
  return acts;
}
