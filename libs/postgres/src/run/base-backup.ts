import { existsSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DomainError } from '#libs/kernel';
import {
  type BaseBackupRequest,
  baseBackupArgv,
  type CopyProgress,
  parseCopyProgress,
} from '#libs/postgres-model';
import { fsyncDirectory, putStandbySignal, removeRecoverySignal } from '#libs/process';
import { forgetInheritedSettings } from './inherited-settings.ts';
import type { Installation } from './installation.ts';
import { runTool, type ToolSecrets } from './run-tool.ts';
import { syncFileSystems } from './sync-file-systems.ts';

export type BaseBackupOptions = Omit<BaseBackupRequest, 'binDirectory' | 'targetDirectory'> & {
  /** Must not exist yet, or be empty; what was there before is moved aside by the caller. */
  readonly dataDirectory: string;
  readonly secrets?: ToolSecrets;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CopyProgress) => void;
};

export class CloneTargetError extends DomainError {
  readonly code = 'CLONE_TARGET_NOT_EMPTY';

  constructor(directory: string) {
    super(`${directory} is not empty: a clone overwrites nothing, move it aside first`);
  }
}

/**
 * Copies a running server with pg_basebackup into a new directory beside, which gets the data
 * directory's name only when it is complete, on disk and freed of its source's connection settings. The result is a standby that follows nobody yet.
 *
 * @throws CloneTargetError, ProcessError; the unfinished copy is removed
 */
export async function baseBackup(
  installation: Installation,
  options: BaseBackupOptions,
): Promise<{ readonly durationMs: number }> {
  const { dataDirectory, secrets, timeoutMs, signal, onProgress, ...request } = options;
  const target = resolve(dataDirectory);
  const copy = `${target}.matriarch-clone`;
  if (existsSync(target) && readdirSync(target).length > 0) throw new CloneTargetError(target);
  rmSync(copy, { recursive: true, force: true });
  const { binDirectory } = installation;
  const argv = [
    ...baseBackupArgv({ ...request, binDirectory, targetDirectory: copy }),
    '--no-sync',
  ];
  try {
    const { durationMs } = await runTool(installation, argv, {
      timeoutMs,
      ...(secrets === undefined ? {} : { secrets }),
      ...(signal === undefined ? {} : { signal }),
      onStderrLine: (line) => {
        const progress = parseCopyProgress(line);
        if (progress !== undefined) onProgress?.(progress);
      },
    });
    forgetInheritedSettings(copy);
    putStandbySignal(copy);
    removeRecoverySignal(copy);
    await syncFileSystems(installation, copy);
    if (existsSync(target)) rmdirSync(target);
    renameSync(copy, target);
    fsyncDirectory(dirname(target));
    return { durationMs };
  } catch (error) {
    rmSync(copy, { recursive: true, force: true });
    throw error;
  }
}
