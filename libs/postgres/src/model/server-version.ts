import { DomainError } from '#libs/kernel';

/** As `server_version_num`: 150018 is 15.18. */
export type ServerVersion = { readonly major: number; readonly minor: number };

export const OLDEST_SUPPORTED_MAJOR = 12;
export const NEWEST_SUPPORTED_MAJOR = 18;

export class UnsupportedVersionError extends DomainError {
  readonly code = 'POSTGRES_VERSION_UNSUPPORTED';

  constructor(found: string) {
    super(
      `PostgreSQL '${found}' is not supported: use ${OLDEST_SUPPORTED_MAJOR} to ${NEWEST_SUPPORTED_MAJOR}`,
    );
  }
}

/**
 * Parses `postgres (PostgreSQL) 15.18 (Debian ...)`, `15.18`, `16beta2` or the `PG_VERSION` file.
 *
 * @throws UnsupportedVersionError
 */
export function parseServerVersion(text: string): ServerVersion {
  const match = /(?:^|\s)(\d+)(?:\.(\d+)|(?:devel|beta\d+|rc\d+))?(?:\s|$)/.exec(text.trim());
  const version = { major: Number(match?.[1]), minor: Number(match?.[2] ?? 0) };
  if (match === null || !isSupported(version)) throw new UnsupportedVersionError(text.trim());
  return version;
}

export function serverVersionFromNum(versionNum: number): ServerVersion {
  return { major: Math.floor(versionNum / 10_000), minor: versionNum % 10_000 };
}

export function formatServerVersion(version: ServerVersion): string {
  return `${version.major}.${version.minor}`;
}

export function isSupported(version: ServerVersion): boolean {
  return version.major >= OLDEST_SUPPORTED_MAJOR && version.major <= NEWEST_SUPPORTED_MAJOR;
}

/** 12 reads `primary_conninfo` at start only: detaching a standby needs a restart there. */
export function takesConninfoByReload(version: ServerVersion): boolean {
  return version.major >= 13;
}
