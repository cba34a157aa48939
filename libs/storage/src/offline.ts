import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { codeOf } from '#libs/kernel';
import { RESERVE_FILE } from './disk-reserve.ts';
import { DamagedLogError, DirectoryInUseError, NoControllerDirectoryError } from './errors.ts';
import { openReplicaStore } from './open-replica-store.ts';
import type { RecoveredLog } from './recovery.ts';
import type { ReplicaStore } from './replica-store.ts';

export type OfflineReplica = {
  readonly store: ReplicaStore;
  readonly recovered: Extract<RecoveredLog, { bootstrapped: true }>;
};

/**
 * Opens the directory of a stopped controller of any group, to change it. The caller closes the store.
 *
 * @throws NoControllerDirectoryError, and the errors of `openReplicaStore`
 */
export async function openOffline(directory: string): Promise<OfflineReplica> {
  await requireStopped(directory);
  const { store, recovered } = await openReplicaStore({ directory });
  if (recovered.bootstrapped) return { store, recovered };
  await store.close();
  throw new NoControllerDirectoryError(directory);
}

/**
 * Hands over a copy of the directory: LevelDB rewrites its files whenever it is opened, and what is
 * inspected must stay as it was found.
 *
 * @throws NoControllerDirectoryError, DirectoryInUseError, and what `inspect` throws
 */
export async function withCopy<T>(
  directory: string,
  inspect: (copy: string) => Promise<T>,
): Promise<T> {
  await requireStopped(directory);
  const parent = await mkdtemp(join(tmpdir(), 'matriarch-inspect-'));
  try {
    const copy = join(parent, 'copy');
    const filter = (source: string): boolean => basename(source) !== RESERVE_FILE;
    await cp(directory, copy, { recursive: true, filter });
    await requireStopped(directory);
    return await inspect(copy).catch((error: unknown) => {
      if (!(error instanceof DamagedLogError)) throw error;
      const finding = error.finding.replaceAll(copy, directory);
      throw new DamagedLogError(directory, finding, { cause: error });
    });
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

export type Verification =
  | {
      readonly sound: true;
      readonly groupId: string;
      readonly firstIndex: number;
      readonly lastIndex: number;
      readonly appliedIndex: number;
      readonly term: number;
    }
  | { readonly sound: false; readonly file: string; readonly finding: string };

/** Everything that a start would check; the directory stays as it is. */
export async function verifyDirectory(directory: string): Promise<Verification> {
  try {
    return await withCopy(directory, async (copy) => {
      const { store, recovered } = await openOffline(copy);
      const { groupId } = store;
      await store.close();
      const { firstIndex, lastIndex, appliedIndex, hardState } = recovered;
      const { term } = hardState;
      return { sound: true, groupId, firstIndex, lastIndex, appliedIndex, term };
    });
  } catch (error) {
    if (!(error instanceof DamagedLogError)) throw error;
    const { finding } = error;
    return { sound: false, file: join(directory, fileNamedIn(finding)), finding };
  }
}

/** LevelDB and our checks name the file where one can be told; else it is the database as a whole. */
function fileNamedIn(finding: string): string {
  const inDatabase = /\b(\d{6}\.(?:ldb|sst|log)|MANIFEST-\d+|CURRENT)\b/.exec(finding)?.[1];
  if (inDatabase !== undefined) return join('db', inDatabase);
  return /guard file/.test(finding) && !/database is empty/.test(finding) ? 'guard' : 'db';
}

async function requireStopped(directory: string): Promise<void> {
  const files = await readdir(directory).catch((error: unknown): string[] => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  });
  if (!files.includes('db') && !files.includes('guard')) {
    throw new NoControllerDirectoryError(directory);
  }
  if (await isLocked(join(directory, 'db', 'LOCK'))) throw new DirectoryInUseError(directory);
}

/** LevelDB's lock as the kernel lists it: taking it would already change files. */
async function isLocked(path: string): Promise<boolean> {
  const inode = await inodeOf(path);
  if (inode === null) return false;
  const locks = await readFile('/proc/locks', 'utf8');
  return locks
    .split('\n')
    .some((line) => / POSIX /.test(line) && line.includes(`:${inode} `) && !/->/.test(line));
}

async function inodeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
