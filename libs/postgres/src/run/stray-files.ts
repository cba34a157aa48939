import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { codeOf, DomainError } from '#libs/kernel';
import { type CopyPlaces, contentsOf, dataPlacesOf } from './data-places.ts';

class PlaceTakenError extends DomainError {
  readonly code = 'PLACE_TAKEN';

  constructor(place: string, name: string) {
    super(
      `${place} holds '${name}', and no data directory here links to it: of one that was moved away or ` +
        'removed? Move that away, or empty it; the copy is then made by itself',
    );
  }
}

/**
 * A WAL directory or a tablespace outlives its data directory, and may be all that makes one that was moved
 * away whole: nothing is put into its place, and nothing of it is removed.
 *
 * @throws PlaceTakenError
 */
export function refuseStrayFiles({ target, tablespaces }: CopyPlaces): void {
  const { walDirectory, tablespaces: known } = dataPlacesOf(target.dataDirectory);
  const linked = [walDirectory, ...known.map(({ location }) => location)].map(real);
  for (const place of [target.walDirectory, ...tablespaces.keys()]) {
    if (place === null || linked.includes(real(place))) continue;
    const [name] = contentsOf(place);
    if (name !== undefined) throw new PlaceTakenError(place, name);
  }
}

function real(path: string | null): string | null {
  if (path === null) return null;
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return resolve(path);
    throw error;
  }
}
