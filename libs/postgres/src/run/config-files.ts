import { join } from 'node:path';
import {
  type HbaLine,
  isOursInAutoConf,
  MANAGED_CONF,
  parseSettings,
  renderHba,
  renderManagedConf,
  type Settings,
  withManagedInclude,
  withoutSettings,
} from '#libs/postgres-model';
import { readFileIfPresent, writeFileIfChanged } from '#libs/process';

/** Which files a call changed; nothing changed means that no reload is needed. */
export type ConfigChange = { readonly changedFiles: readonly string[] };

const POSTGRESQL_CONF = 'postgresql.conf';
const AUTO_CONF = 'postgresql.auto.conf';
const HBA_CONF = 'pg_hba.conf';

/**
 * Writes our settings so that they are in force after the next reload or start: the managed file, its
 * include as last line of `postgresql.conf`, and no setting of ours in `postgresql.auto.conf`. Each
 * file is replaced in one step and fsynced; calling it again changes nothing.
 */
export function writeManagedSettings(dataDirectory: string, settings: Settings): ConfigChange {
  const written = [
    write(dataDirectory, MANAGED_CONF, renderManagedConf(settings)),
    ...ensureManagedInclude(dataDirectory).changedFiles,
    ...cleanAutoConf(dataDirectory).changedFiles,
  ];
  return { changedFiles: written.filter((name) => name !== undefined) };
}

/** The settings that we last wrote; empty when there is no managed file. */
export function readManagedSettings(dataDirectory: string): Settings {
  return parseSettings(readFileIfPresent(join(dataDirectory, MANAGED_CONF)) ?? '');
}

/** Changes some of the managed settings and leaves the others; `undefined` removes one. */
export function changeManagedSettings(
  dataDirectory: string,
  changes: Readonly<Record<string, string | undefined>>,
): ConfigChange {
  const settings: Record<string, string> = { ...readManagedSettings(dataDirectory) };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete settings[name];
    else settings[name] = value;
  }
  return writeManagedSettings(dataDirectory, settings);
}

/** Removes from `postgresql.auto.conf`, which wins over all other files, every setting of ours. */
export function cleanAutoConf(dataDirectory: string): ConfigChange {
  const text = readFileIfPresent(join(dataDirectory, AUTO_CONF));
  if (text === undefined) return { changedFiles: [] };
  return changed(write(dataDirectory, AUTO_CONF, withoutSettings(text, isOursInAutoConf)));
}

export function writeHba(dataDirectory: string, lines: readonly HbaLine[]): ConfigChange {
  return changed(write(dataDirectory, HBA_CONF, renderHba(lines)));
}

function ensureManagedInclude(dataDirectory: string): ConfigChange {
  // Debian keeps it elsewhere: one that was not ours may have none.
  const text = readFileIfPresent(join(dataDirectory, POSTGRESQL_CONF)) ?? '';
  return changed(write(dataDirectory, POSTGRESQL_CONF, withManagedInclude(text)));
}

function write(dataDirectory: string, name: string, content: string): string | undefined {
  return writeFileIfChanged(join(dataDirectory, name), content) ? name : undefined;
}

function changed(name: string | undefined): ConfigChange {
  return { changedFiles: name === undefined ? [] : [name] };
}
