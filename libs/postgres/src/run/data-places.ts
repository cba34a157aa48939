import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { codeOf } from '#libs/kernel';
import { removeTree } from './remove-tree.ts';

/** Suffixes of what stands beside, or where that is another file system inside, a place of an instance. */
const NEW = { beside: '.matriarch-new', inside: '.matriarch-new' };
const ASIDE = { beside: '.matriarch-aside', inside: '.matriarch-aside' };
/** What is being removed. */
const GONE = '.matriarch-gone';
/** Ours, and what a file system keeps at the top of itself. */
const NOT_CONTENT = [NEW.inside, ASIDE.inside, GONE, 'lost+found'];

/** Where the parts of an instance lie: the data directory, and what it links to. */
export type DataPlaces = {
  readonly dataDirectory: string;
  /** Null: within the data directory. */
  readonly walDirectory: string | null;
  readonly tablespaces: readonly { readonly oid: string; readonly location: string }[];
};

/** Reads the links of a data directory; one that is not there has none. */
export function dataPlacesOf(dataDirectory: string): DataPlaces {
  const oids = namesIn(join(dataDirectory, 'pg_tblspc'));
  return {
    dataDirectory: resolve(dataDirectory),
    walDirectory: linkTarget(join(dataDirectory, 'pg_wal')),
    tablespaces: oids.flatMap((oid) => {
      const location = linkTarget(join(dataDirectory, 'pg_tblspc', oid));
      return location === null ? [] : [{ oid, location }];
    }),
  };
}

export function newPlaceOf(directory: string): string {
  return placeOf(directory, NEW);
}

export function asidePlaceOf(directory: string): string {
  return placeOf(directory, ASIDE);
}

/** Tablespaces' parents are often root's: what is ours stands inside their locations. */
export function newTablespaceOf(location: string): string {
  return join(location, NEW.inside);
}

export function asideTablespaceOf(location: string): string {
  return join(location, ASIDE.inside);
}

/** Where a place that was put aside had been. */
export function asideHomeOf(aside: string): string {
  if (basename(aside) === ASIDE.inside) return dirname(aside);
  return aside.slice(0, -ASIDE.beside.length);
}

/** Under which name a place that was put aside is removed: what is put aside meanwhile has its own. */
export function gonePlaceOf(aside: string): string {
  return `${aside.slice(0, -ASIDE.beside.length)}${GONE}`;
}

/** What a directory holds of an instance. */
export function contentsOf(directory: string): readonly string[] {
  return namesIn(directory).filter((name) => !NOT_CONTENT.includes(name));
}

/** A mount point can be neither renamed nor replaced: what it holds is moved within it. */
export function isMountPoint(directory: string): boolean {
  try {
    return statSync(directory).dev !== statSync(dirname(resolve(directory))).dev;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The directories that a copy is made in: new, empty, on the file systems where it will stay. */
export class CopyPlaces {
  readonly target: DataPlaces;
  readonly dataDirectory: string;
  readonly walDirectory: string | null;
  readonly #tablespaces = new Map<string, string>();

  /** @param mapping from a location on the source to the one on this host */
  constructor(
    target: DataPlaces,
    readonly mapping: Readonly<Record<string, string>> = {},
  ) {
    // Nothing can be renamed onto a link.
    const walDirectory = target.walDirectory === null ? null : realpathIfThere(target.walDirectory);
    this.target = { ...target, walDirectory };
    this.dataDirectory = newPlaceOf(target.dataDirectory);
    this.walDirectory = walDirectory === null ? null : newPlaceOf(walDirectory);
  }

  /** From the location that the copy is to have on this host to where it is made. */
  get tablespaces(): ReadonlyMap<string, string> {
    return this.#tablespaces;
  }

  get directories(): readonly string[] {
    const wal = this.walDirectory === null ? [] : [this.walDirectory];
    return [this.dataDirectory, ...wal, ...this.#tablespaces.values()];
  }

  /** Empties what an earlier attempt has left, and makes the directories. */
  async prepare(): Promise<void> {
    await this.remove();
    for (const directory of this.directories)
      mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Where the tablespace that lies at `location` on the source is copied to. */
  tablespace(location: string): string {
    const here = this.mapping[location] ?? location;
    const place = newTablespaceOf(here);
    this.#tablespaces.set(here, place);
    rmSync(place, { recursive: true, force: true });
    mkdirSync(place, { recursive: true, mode: 0o700 });
    return place;
  }

  /** Removes what was copied; nothing of an instance is in here. */
  async remove(): Promise<void> {
    const known = this.target.tablespaces.map(({ location }) => newTablespaceOf(location));
    for (const directory of new Set([...this.directories, ...known])) {
      await removeTree(directory);
    }
  }
}

function placeOf(directory: string, names: { beside: string; inside: string }): string {
  const at = resolve(directory);
  return isMountPoint(at) ? join(at, names.inside) : `${at}${names.beside}`;
}

function linkTarget(path: string): string | null {
  try {
    if (!lstatSync(path).isSymbolicLink()) return null;
    const target = readlinkSync(path);
    return realpathIfThere(resolve(dirname(path), target));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function realpathIfThere(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return path;
    throw error;
  }
}
