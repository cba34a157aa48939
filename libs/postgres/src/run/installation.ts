import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { parseServerVersion, type ServerVersion } from '#libs/postgres-model';
import { type OsUser, readFileIfPresent, run } from '#libs/process';

/** The PostgreSQL programs of one major version on this host, and the user that runs them. */
export type Installation = {
  readonly binDirectory: string;
  readonly version: ServerVersion;
  /** Only when we are root: PostgreSQL refuses to run as root. */
  readonly runAs?: OsUser;
};

export class InstallationError extends DomainError {
  readonly code = 'POSTGRES_NOT_INSTALLED';
}

export type InstallationRequest = {
  /** Given: taken as it is. */
  readonly binDirectory?: string;
  /** Default: the newest found; an existing data directory decides with its `PG_VERSION`. */
  readonly major?: number;
  readonly runAs?: OsUser;
};

const VERSION_TIMEOUT_MS = 5_000;
/** Debian, then the PGDG packages of Red Hat and SUSE. */
const PACKAGE_LAYOUTS = [
  { root: '/usr/lib/postgresql', bin: (name: string) => join('/usr/lib/postgresql', name, 'bin') },
  { root: '/usr', bin: (name: string) => join('/usr', name, 'bin') },
];

/** @throws InstallationError when there is none, or it is not of the major version asked for */
export async function findInstallation(request: InstallationRequest = {}): Promise<Installation> {
  const candidates =
    request.binDirectory === undefined ? binDirectories(request.major) : [request.binDirectory];
  for (const binDirectory of candidates) {
    if (!existsSync(join(binDirectory, 'postgres'))) continue;
    const version = await versionOf(binDirectory);
    if (request.major !== undefined && version.major !== request.major) continue;
    const { runAs } = request;
    return { binDirectory, version, ...(runAs === undefined ? {} : { runAs }) };
  }
  throw new InstallationError(
    `no PostgreSQL ${request.major ?? ''} found in ${candidates.join(', ') || 'any known place'}: ` +
      'install it or name its bin directory',
  );
}

/** Major version that a data directory belongs to; undefined when it holds none. */
export function dataDirectoryMajor(dataDirectory: string): number | undefined {
  const text = readFileIfPresent(join(dataDirectory, 'PG_VERSION'));
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

async function versionOf(binDirectory: string): Promise<ServerVersion> {
  const { stdout } = await run([join(binDirectory, 'postgres'), '--version'], {
    timeoutMs: VERSION_TIMEOUT_MS,
  });
  return parseServerVersion(stdout);
}

/** Newest first; the directories of PATH last. */
function binDirectories(major: number | undefined): readonly string[] {
  const packaged = PACKAGE_LAYOUTS.flatMap(({ root, bin }) =>
    (existsSync(root) ? readdirSync(root) : [])
      .map((name) => ({ name, found: Number(/^(?:pgsql-)?(\d+)$/.exec(name)?.[1]) }))
      .filter(({ found }) => (major === undefined ? found > 0 : found === major))
      .sort((a, b) => b.found - a.found)
      .map(({ name }) => bin(name)),
  );
  return [...packaged, ...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean)];
}
