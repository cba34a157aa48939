import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DomainError } from '#libs/kernel';
import { type OsUser, osUser } from '#libs/process';
import type { ClusterPlan } from './plan.ts';

class DirectoryInUseError extends DomainError {
  readonly code = 'DIRECTORY_IN_USE';

  constructor(directory: string, why: string) {
    super(`${directory} ${why}; or leave --dir out`);
  }
}

/** PostgreSQL refuses to run as root: then it, its agent and its guard run as `postgres`. */
export function postgresOsUser(): OsUser {
  const isRoot = process.getuid?.() === 0;
  return osUser(isRoot ? 'postgres' : userInfo().username);
}

/**
 * A directory that is the demo's alone and that PostgreSQL's user can enter; short, for socket paths
 * end at 107 bytes. One that was asked for by name stays afterwards, one of ours does not.
 */
export class DirectoryClaim {
  private constructor(
    readonly directory: string,
    readonly temporary: boolean,
  ) {}

  /** @throws DirectoryInUseError: a demo touches nothing but its own */
  static take(wanted: string | null): DirectoryClaim {
    if (wanted === null) {
      const directory = mkdtempSync(join(tmpdir(), 'matriarch-'));
      chmodSync(directory, 0o755);
      return new DirectoryClaim(directory, true);
    }
    const directory = resolve(wanted);
    mkdirSync(directory, { mode: 0o755, recursive: true });
    if (readdirSync(directory).length > 0)
      throw new DirectoryInUseError(directory, 'is not empty: name a new one');
    for (let above = directory; above !== '/'; above = dirname(above)) {
      if (process.getuid?.() === 0 && (statSync(above).mode & 0o001) === 0) {
        throw new DirectoryInUseError(
          directory,
          `cannot be entered by postgres: chmod o+x ${above}`,
        );
      }
    }
    return new DirectoryClaim(directory, false);
  }

  release(): void {
    if (this.temporary) rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What each process will write to, owned by the user that it runs as. */
export function makeDirectories(plan: ClusterPlan, postgresUser: OsUser): void {
  mkdirSync(plan.certificatesDirectory, { mode: 0o755, recursive: true });
  mkdirSync(plan.logsDirectory, { mode: 0o755, recursive: true });
  for (const { directory } of plan.controllers) mkdirSync(directory, { mode: 0o700 });
  for (const { socketDirectory, stateDirectory } of plan.instances) {
    for (const directory of [socketDirectory, stateDirectory]) {
      // The first may be there already, as the mount point of a disk of its own.
      mkdirSync(directory, { mode: 0o700, recursive: true });
      giveTo(postgresUser, directory);
    }
  }
}

/** As root only: without it everything is the user's own. */
export function giveTo(user: OsUser, path: string): void {
  if (process.getuid?.() === 0) chownSync(path, user.uid, user.gid);
}
