import { codeOf, messageOf } from '#libs/kernel';
import type { OpenDisk, StoreDisk } from './disk.ts';
import { DamagedLogError, DamagedRecordError } from './errors.ts';
import { LevelDisk } from './level-disk.ts';
import { type RecoveredLog, type Recovery, recover } from './recovery.ts';
import { ReplicaStore } from './replica-store.ts';
import { unusable } from './unusable-directory.ts';

export type ReplicaStoreOptions = {
  readonly directory: string;
  /** Left out by offline tools, which take any group's directory. */
  readonly groupId?: string;
  /** The simulator's disk; LevelDB in `directory` when left out. */
  readonly disk?: StoreDisk;
};

/**
 * Opens the directory of one controller and checks every record in it.
 *
 * @throws DirectoryInUseError, ForeignGroupError, UnknownFormatError, DamagedLogError,
 *   DirectoryUnusableError (space, permissions)
 */
export async function openReplicaStore(
  options: ReplicaStoreOptions,
): Promise<{ readonly store: ReplicaStore; readonly recovered: RecoveredLog }> {
  const disk = await (options.disk ?? new LevelDisk(options.directory)).open();
  const recovery = await recoverOrClose(disk, options);
  const { guard } = recovery;
  const none = { state: null, newestGeneration: 0 };
  if (recovery.kind === 'fresh') {
    const store = new ReplicaStore(options.directory, disk, { ...none, guard });
    return { store, recovered: { bootstrapped: false } };
  }
  const store = new ReplicaStore(options.directory, disk, {
    ...{ state: recovery.state, guard, newestGeneration: recovery.newestGeneration },
  });
  store.removeLeftovers();
  return { store, recovered: recovery.recovered };
}

async function recoverOrClose(disk: OpenDisk, options: ReplicaStoreOptions): Promise<Recovery> {
  try {
    return await recover(disk, options);
  } catch (error) {
    const refused = unusable(options.directory, error);
    const damaged = refused === null && isDamage(error);
    const found = damaged ? damage(error, disk, options.directory) : null;
    if (found !== null) await disk.condemn(found.finding);
    await disk.close();
    throw refused ?? found ?? error;
  }
}

/** LevelDB's own read errors (`LEVEL_CORRUPTION` and such) mean the same as our checks failing. */
function isDamage(error: unknown): boolean {
  if (error instanceof DamagedRecordError) return true;
  const code = codeOf(error);
  return code === 'MALFORMED_MESSAGE' || (code?.startsWith('LEVEL_') ?? false);
}

function damage(cause: unknown, disk: OpenDisk, directory: string): DamagedLogError {
  const engine = disk.reportedLoss === null ? '' : `; LevelDB says: ${disk.reportedLoss}`;
  // What to do about it stands in the error that is thrown, and once.
  const finding = cause instanceof DamagedRecordError ? cause.finding : messageOf(cause);
  return new DamagedLogError(directory, `${finding}${engine}`, { cause });
}
