import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { type OsUser, osUser } from '#libs/process';
import type { ClusterPlan } from './plan.ts';

export class DirectoryInUseError extends DomainError {
  readonly code = 'DIRECTORY_IN_USE';

  constructor(directory: string, cause: unknown) {
    super(
      `${directory} cannot be taken for the demo: name a directory that is not there yet, or none`,
      { cause },
    );
  }
}

/** PostgreSQL refuses to run as root: then it, its agent and its guard run as `postgres`. */
export function postgresOsUser(): OsUser {
  const isRoot = process.getuid?.() === 0;
  return osUser(isRoot ? 'postgres' : userInfo().username);
}

/**
 * A fresh directory that PostgreSQL's user can enter; short, for socket paths end at 107 bytes.
 *
 * @throws DirectoryInUseError when `wanted` is there already: a demo touches nothing but its own
 */
export function freshDirectory(wanted: string | null): string {
  if (wanted === null) {
    const directory = mkdtempSync(join(tmpdir(), 'matriarch-'));
    chmodSync(directory, 0o755);
    return directory;
  }
  try {
    mkdirSync(wanted, { mode: 0o755 });
    return wanted;
  } catch (cause) {
    throw new DirectoryInUseError(wanted, cause);
  }
}

/** What each process will write to, owned by the user that it runs as. */
export function makeDirectories(plan: ClusterPlan, postgresUser: OsUser): void {
  mkdirSync(plan.certificatesDirectory, { mode: 0o755, recursive: true });
  mkdirSync(plan.logsDirectory, { mode: 0o755, recursive: true });
  for (const { directory } of plan.controllers) mkdirSync(directory, { mode: 0o700 });
  for (const { socketDirectory, stateDirectory } of plan.instances) {
    for (const directory of [socketDirectory, stateDirectory]) {
      mkdirSync(directory, { mode: 0o700 });
      giveTo(postgresUser, directory);
    }
  }
}

/** As root only: without it everything is the user's own. */
export function giveTo(user: OsUser, path: string): void {
  if (process.getuid?.() === 0) chownSync(path, user.uid, user.gid);
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
