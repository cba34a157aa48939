import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
import {
  type CopyPlaces,
  dataDirectoryMajor,
  forgetInheritedSettings,
  type Installation,
  readControlData,
  syncFileSystems,
} from '#libs/postgres-run';
import { putStandbySignal, removeRecoverySignal } from '#libs/process';
import type { Expected } from './rebuild-tool.ts';

const CONFIGURATION = ['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf'];

/** The copy is whole but not what was expected; it never takes the place of anything. */
export class CopyRefusedError extends DomainError {
  readonly code = 'COPY_REFUSED';
}

/** Left by a backup of a running server, or by a tool; links and recovery are settled by us. */
const LEFTOVERS = ['tablespace_map', 'postmaster.pid', 'postmaster.opts', 'recovery.conf'];

/**
 * Makes what a tool has copied a standby of this cluster that follows nobody yet: proved to be of the
 * right database, freed of its source's settings, and on disk.
 *
 * @throws CopyRefusedError
 */
export async function finishCopy(
  installation: Installation,
  places: CopyPlaces,
  expected: Expected,
): Promise<void> {
  const { dataDirectory } = places;
  const major = dataDirectoryMajor(dataDirectory);
  if (major !== installation.version.major) {
    const here = installation.version.major;
    throw new CopyRefusedError(
      `the copy is of PostgreSQL ${major ?? 'unknown'}, this host runs ${here}`,
    );
  }
  const control = await readControlData(installation, dataDirectory);
  if (
    expected.systemIdentifier !== null &&
    control.systemIdentifier !== expected.systemIdentifier
  ) {
    throw new CopyRefusedError(
      `the copy has system identifier ${control.systemIdentifier}, the cluster ${expected.systemIdentifier}`,
    );
  }
  if (expected.timeline !== null && control.checkpointTimeline > expected.timeline) {
    throw new CopyRefusedError(
      `the copy is on timeline ${control.checkpointTimeline}, the cluster on ${expected.timeline}`,
    );
  }
  chmodSync(dataDirectory, 0o700);
  for (const name of LEFTOVERS) rmSync(join(dataDirectory, name), { force: true });
  // Debian keeps them elsewhere, so a backup of an instance that was not ours lacks them.
  for (const name of CONFIGURATION) writeFileSync(join(dataDirectory, name), '', { flag: 'a' });
  moveWal(places);
  forgetInheritedSettings(dataDirectory);
  putStandbySignal(dataDirectory);
  removeRecoverySignal(dataDirectory);
  await syncFileSystems(installation, dataDirectory);
}

/** Tools put WAL into the data directory: where it is to lie elsewhere, it goes there. */
function moveWal({ dataDirectory, walDirectory }: CopyPlaces): void {
  const wal = join(dataDirectory, 'pg_wal');
  if (walDirectory === null) return;
  if (existsSync(wal)) {
    if (lstatSync(wal).isSymbolicLink()) return;
    for (const name of readdirSync(wal)) {
      cpSync(join(wal, name), join(walDirectory, name), {
        recursive: true,
        preserveTimestamps: true,
      });
    }
    rmSync(wal, { recursive: true });
  }
  symlinkSync(walDirectory, wal);
}
