import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, takesNoChange } from '#libs/kernel';
import { type PostmasterPid, parsePostmasterPid } from '#libs/postgres-model';
import { fsyncDirectory } from './durable-file.ts';
import type { InstanceProcess, InstanceProcesses } from './instance-processes.ts';
import { ProcessesInDirectory } from './proc-scan.ts';
import { sharedMemoryAttachments } from './shared-memory.ts';

/** Whether no process of an instance exists: the only meaning of "down" (safety 1). */
export type DownProof =
  | { readonly kind: 'down'; readonly stalePidFileRemoved: boolean }
  | { readonly kind: 'processes-alive'; readonly processes: readonly InstanceProcess[] }
  | { readonly kind: 'processes-unreadable'; readonly pids: readonly number[] }
  | {
      readonly kind: 'shared-memory-attached';
      readonly shmId: number;
      readonly attachments: number;
    };

/** What the proof looks at; the default is this host. */
export type DownEvidence = {
  readonly processes: InstanceProcesses;
  readonly attachments: (shmId: number) => number;
};

/**
 * Looks whether PostgreSQL is down and, if so, removes a `postmaster.pid` that was left behind, since
 * a start refuses one whose pid is a zombie's or, after a reboot, somebody else's. Kills nothing.
 */
export function proveDown(dataDirectory: string, given: Partial<DownEvidence> = {}): DownProof {
  const processes = given.processes ?? new ProcessesInDirectory(dataDirectory);
  const attachments = given.attachments ?? sharedMemoryAttachments;
  // The file is read before the scan: a postmaster that starts after it will write a new one.
  const pidFile = readPostmasterPid(dataDirectory);
  const scan = processes.scan();
  if (scan.processes.length > 0) {
    return { kind: 'processes-alive', processes: scan.processes };
  }
  if (scan.unreadable.length > 0) return { kind: 'processes-unreadable', pids: scan.unreadable };
  if (pidFile?.shmId !== undefined) {
    const attached = attachments(pidFile.shmId);
    if (attached > 0) {
      return { kind: 'shared-memory-attached', shmId: pidFile.shmId, attachments: attached };
    }
  }
  return { kind: 'down', stalePidFileRemoved: removeIfSame(dataDirectory, pidFile) };
}

/** @returns undefined when there is no file, it is not complete yet, or nobody here may read it any more */
export function readPostmasterPid(dataDirectory: string): PostmasterPid | undefined {
  try {
    return parsePostmasterPid(readFileSync(pidFileOf(dataDirectory), 'utf8'));
  } catch (error) {
    // What runs is found in `/proc` all the same; a guard that ended for it could not give its lease back.
    if (codeOf(error) === 'ENOENT' || takesNoChange(error)) return undefined;
    throw error;
  }
}

function pidFileOf(dataDirectory: string): string {
  return join(dataDirectory, 'postmaster.pid');
}

/** Read again just before: a postmaster that somebody started meanwhile keeps its file. */
function removeIfSame(dataDirectory: string, expected: PostmasterPid | undefined): boolean {
  if (expected === undefined) return false;
  const now = readPostmasterPid(dataDirectory);
  if (now?.pid !== expected.pid || now.startedAtSeconds !== expected.startedAtSeconds) return false;
  try {
    unlinkSync(pidFileOf(dataDirectory));
    fsyncDirectory(dataDirectory);
  } catch (error) {
    // Nothing runs there all the same, and nothing can be started there before it is written to again.
    if (!takesNoChange(error)) throw error;
    return false;
  }
  return true;
}
