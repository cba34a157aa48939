import { existsSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { codeOf, DomainError } from '#libs/kernel';
import { MANAGED_CONF } from '#libs/postgres-model';
import { readFileIfPresent, run } from '#libs/process';
import { canonicalPlace, debianClustersOf } from './debian-start.ts';

/** A unit of the distribution is not, or not any more, masked. */
export class UnitMaskError extends DomainError {
  readonly code = 'UNIT_NOT_MASKED';
}

/** Where an administrator's and a package's units lie; the first that is found is in force. */
const ADMINISTRATORS = 'etc/systemd/system';
const UNIT_DIRECTORIES = [ADMINISTRATORS, 'usr/lib/systemd/system', 'lib/systemd/system'];
/** Of Red Hat and SUSE, and PGDG's packages for them: one unit for a data directory. */
const PACKAGED_UNIT = /^postgresql(-\d+)?\.service$/;
const DEBIAN_TEMPLATE = 'postgresql@.service';
const DATA = /^\s*Environment\s*=\s*"?PGDATA=([^"\s]+)/gm;
const MASKED = '/dev/null';
const RELOAD_LIMIT_MS = 30_000;

/** Units by which a package would start PostgreSQL in this data directory, masked or not. */
export function startingUnitsOf(dataDirectory: string, root = '/'): readonly string[] {
  const place = canonicalPlace(dataDirectory);
  const names = new Set(UNIT_DIRECTORIES.flatMap((directory) => namesIn(join(root, directory))));
  const packaged = [...names].filter((name) => PACKAGED_UNIT.test(name));
  return [
    ...packaged.filter((name) => dataOf(name, root) === place),
    ...(names.has(DEBIAN_TEMPLATE) ? debianClustersOf(dataDirectory, root) : []).map(
      ({ unit }) => unit,
    ),
  ];
}

export function isUnitMasked(unit: string, root = '/'): boolean {
  return linkOf(join(root, ADMINISTRATORS, unit)) === MASKED;
}

/**
 * As `systemctl mask` does it, which works without a running systemd too. Needs root.
 *
 * @throws UnitMaskError when there is a file of the administrator's in the way
 */
function maskUnit(unit: string, root = '/'): void {
  const path = join(root, ADMINISTRATORS, unit);
  try {
    symlinkSync(MASKED, path);
  } catch (cause) {
    const why =
      codeOf(cause) === 'EEXIST'
        ? 'there is a unit of your own in its place: remove it, or disable it'
        : `it cannot be made (${codeOf(cause)}): run it as root`;
    throw new UnitMaskError(`${path} does not become a link to ${MASKED}: ${why}`, { cause });
  }
}

function unmaskUnit(unit: string, root = '/'): boolean {
  if (!isUnitMasked(unit, root)) return false;
  const path = join(root, ADMINISTRATORS, unit);
  try {
    rmSync(path);
  } catch (cause) {
    throw new UnitMaskError(`${path} cannot be removed (${codeOf(cause)}): run it as root`, {
      cause,
    });
  }
  return true;
}

/**
 * Masks what would start PostgreSQL in a data directory that has become a cluster's: while another system
 * still serves there, its unit must be able to stop it.
 *
 * @returns the units that were masked by this. @throws UnitMaskError
 */
export async function maskStartingUnits(dataDirectory: string, root = '/'): Promise<string[]> {
  if (!existsSync(join(dataDirectory, MANAGED_CONF))) return [];
  const units = startingUnitsOf(dataDirectory, root).filter((unit) => !isUnitMasked(unit, root));
  for (const unit of units) maskUnit(unit, root);
  if (units.length > 0) await reloadUnits(root);
  return units;
}

/** The way back. @returns the units that were masked. @throws UnitMaskError */
export async function unmaskStartingUnits(dataDirectory: string, root = '/'): Promise<string[]> {
  const units = startingUnitsOf(dataDirectory, root).filter((unit) => unmaskUnit(unit, root));
  if (units.length > 0) await reloadUnits(root);
  return units;
}

/** A running systemd reads its units again; where none runs there is nothing to do. */
async function reloadUnits(root: string): Promise<void> {
  if (root !== '/' || !existsSync('/run/systemd/system')) return;
  await run(['systemctl', 'daemon-reload'], { timeoutMs: RELOAD_LIMIT_MS });
}

/** The last word on `PGDATA`: of the unit in force, then of what is dropped in beside it. */
function dataOf(unit: string, root: string): string | null {
  const places = UNIT_DIRECTORIES.map((directory) => join(root, directory));
  // A mask hides what it would be without it.
  const files = places.map((place) => join(place, unit)).filter((path) => linkOf(path) !== MASKED);
  const own = files.find((path) => existsSync(path));
  const dropped = places.flatMap((place) =>
    namesIn(join(place, `${unit}.d`))
      .filter((name) => name.endsWith('.conf'))
      .map((name) => ({ name, path: join(place, `${unit}.d`, name) })),
  );
  dropped.sort((a, b) => (a.name < b.name ? -1 : 1));
  const texts = [own ?? [], dropped.map(({ path }) => path)].flat().map(readFileIfPresent);
  const last = texts.flatMap((text) => [...(text ?? '').matchAll(DATA)]).at(-1)?.[1];
  return last === undefined ? null : canonicalPlace(resolve(last));
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
    return [];
  }
}
