import { readdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { codeOf } from '#libs/kernel';
import { parseSettings } from '#libs/postgres-model';
import { readFileIfPresent, writeFileDurably } from '#libs/process';

/** What Debian's packages know of a data directory, and start by `pg_ctlcluster` and at boot. */
export type DebianCluster = {
  /** Such as `/etc/postgresql/15/main`. */
  readonly directory: string;
  /** Such as `postgresql@15-main.service`. */
  readonly unit: string;
};

/** Where those packages keep their files; their own programs go by this variable too. */
function configRoot(root: string): string {
  return process.env['PG_CLUSTER_CONF_ROOT'] ?? join(root, 'etc/postgresql');
}

/** All that are named for this data directory. */
export function debianClustersOf(dataDirectory: string, root = '/'): readonly DebianCluster[] {
  const place = canonicalPlace(dataDirectory);
  const base = configRoot(root);
  return namesIn(base).flatMap((version) =>
    namesIn(join(base, version))
      .map((name) => ({
        directory: join(base, version, name),
        unit: `postgresql@${version}-${name}.service`,
      }))
      .filter(({ directory }) => dataOf(directory) === place),
  );
}

/** The first line that is more than a comment decides, as in Debian's own programs. */
const DECIDES = /^[ \t]*([^\s#][^\n#]*)(#[^\n]*)?$/m;
const WHY = '# Matriarch keeps this cluster, nothing else may start it; before that it was: ';
const OURS = new RegExp(`^disabled ${WHY}(auto|manual)$`, 'm');
const FILE_MODE_BITS = 0o644;

/**
 * With `disabled` neither the boot nor `pg_ctlcluster` nor the unit starts it, whoever asks. An
 * administrator's own `disabled` stays as it is.
 *
 * @returns true when it was another value before
 */
export function disableStart(directory: string): boolean {
  const path = join(directory, 'start.conf');
  const text = readFileIfPresent(path) ?? '';
  const found = DECIDES.exec(text);
  // Without a value Debian starts it.
  const before = /^(auto|manual|disabled)/.exec(found?.[1] ?? 'auto')?.[1];
  if (before === undefined || before === 'disabled') return false;
  const line = `disabled ${WHY}${before}`;
  const head = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const changed = found === null ? `${head}${line}\n` : text.replace(DECIDES, line);
  writeFileDurably(path, changed, FILE_MODE_BITS);
  return true;
}

/** @returns true when it was we who had disabled it */
export function restoreStart(directory: string): boolean {
  const path = join(directory, 'start.conf');
  const text = readFileIfPresent(path) ?? '';
  if (!OURS.test(text)) return false;
  writeFileDurably(path, text.replace(OURS, '$1'), FILE_MODE_BITS);
  return true;
}

function dataOf(directory: string): string | null {
  const text = readFileIfPresent(join(directory, 'postgresql.conf'));
  if (text === undefined) return null;
  return canonicalPlace(parseSettings(text)['data_directory'] ?? directory);
}

/** Links resolved; as it is named where nothing is there. */
export function canonicalPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return resolve(path);
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return [];
  }
}
