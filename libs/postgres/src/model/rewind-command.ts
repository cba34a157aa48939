import { type Conninfo, formatConninfo } from './conninfo.ts';
import type { ServerVersion } from './server-version.ts';

export type RewindRequest = {
  readonly binDirectory: string;
  readonly version: ServerVersion;
  readonly dataDirectory: string;
  /** Of the primary; a password goes through the environment. */
  readonly source: Conninfo;
  /** 13 and later: fetch WAL that the target no longer has with its `restore_command`. */
  readonly restoreTargetWal?: boolean;
  /** Says what it would copy, and changes nothing. */
  readonly dryRun?: boolean;
};

/** Its one query lists files by a recursion that the planner takes for huge, and compiles for longer than it runs: up to 2 s. */
const SESSION_OPTIONS = '-c jit=off';

export function rewindArgv(request: RewindRequest): readonly string[] {
  const source = { ...request.source, options: SESSION_OPTIONS };
  const restores = request.restoreTargetWal === true && request.version.major >= 13;
  return [
    `${request.binDirectory}/pg_rewind`,
    `--target-pgdata=${request.dataDirectory}`,
    `--source-server=${formatConninfo(source)}`,
    '--progress',
    // It would bring one file after another to the disk; the caller does so with the whole file system.
    '--no-sync',
    ...(restores ? ['--restore-target-wal'] : []),
    ...(request.dryRun === true ? ['--dry-run'] : []),
  ];
}

/** From `need to copy 57 MB (total source directory size is 71 MB)`: no more than this many; null: another line. */
export function rewindCopyBytes(line: string): number | null {
  const [, wholeMebibytes] = /need to copy (\d+) MB/.exec(line) ?? [];
  return wholeMebibytes === undefined ? null : (Number(wholeMebibytes) + 1) * 1_048_576;
}

/** 12 has no recovery of its own in pg_rewind; 13 and later run the same. */
export function singleUserRecoveryArgv(binDirectory: string, dataDirectory: string): string[] {
  return [`${binDirectory}/postgres`, '--single', '-F', '-D', dataDirectory, 'template1'];
}

/**
 * What pg_rewind's output says. "No rewind required" is not success for an instance that we hold to be
 * diverged: the source's control file may still show its old timeline (safety 17).
 */
export type RewindVerdict = 'rewound' | 'not-required';

export function rewindVerdict(output: string): RewindVerdict {
  return /no rewind required/.test(output) ? 'not-required' : 'rewound';
}
