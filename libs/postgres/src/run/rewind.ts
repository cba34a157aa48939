import { DomainError } from '#libs/kernel';
import {
  type CopyProgress,
  parseCopyProgress,
  type RewindRequest,
  rewindArgv,
  rewindVerdict,
  singleUserRecoveryArgv,
  wasShutDownCleanly,
} from '#libs/postgres-model';
import {
  clearUnfinished,
  markUnfinished,
  putStandbySignal,
  removeRecoverySignal,
  removeStandbySignal,
} from '#libs/process';
import { forgetInheritedSettings } from './inherited-settings.ts';
import type { Installation } from './installation.ts';
import { readControlData } from './read-control-data.ts';
import { runTool, type ToolSecrets } from './run-tool.ts';
import { syncFileSystems } from './sync-file-systems.ts';

export type RewindOptions = Omit<RewindRequest, 'binDirectory' | 'version'> & {
  readonly secrets?: ToolSecrets;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CopyProgress) => void;
  /** What else it says. */
  readonly onMessage?: (line: string) => void;
};

export type RewindOutcome = {
  /** `not-required` on an instance that is known to be diverged is a failure (safety 17). */
  readonly kind: 'rewound' | 'not-required';
  readonly output: string;
  readonly durationMs: number;
};

/** pg_rewind failed; the directory may still be started only when it was not touched. */
export class RewindError extends DomainError {
  readonly code = 'REWIND_FAILED';

  constructor(
    readonly touched: boolean,
    options: { readonly cause: unknown },
  ) {
    super(
      touched
        ? 'pg_rewind failed while it changed the directory, which must be rebuilt'
        : 'pg_rewind failed before it changed anything',
      options,
    );
  }
}

/** pg_rewind announces the copy just before its first change. */
const FIRST_CHANGE_FOLLOWS = /need to copy/i;

/**
 * Takes a stopped, diverged instance back to where it left the source's history. From its begin to its
 * end the directory is marked unfinished; after a failure in the middle the mark stays.
 *
 * The caller has proved the instance down, has asked the leader, and has seen the source's control file
 * on its new timeline. The result is a standby that follows nobody yet; `flushWal` on the source makes
 * sure that it gets ready at its start.
 *
 * @throws RewindError
 */
export async function rewind(
  installation: Installation,
  options: RewindOptions,
): Promise<RewindOutcome> {
  const { dataDirectory } = options;
  let touched = false;
  markUnfinished(dataDirectory, 'pg_rewind');
  // Its single-user recovery refuses both files.
  removeStandbySignal(dataDirectory);
  removeRecoverySignal(dataDirectory);
  try {
    const outcome = await runRewind(installation, options, () => {
      touched = true;
    });
    if (outcome.kind === 'rewound') {
      forgetInheritedSettings(dataDirectory);
      await syncFileSystems(installation, dataDirectory);
    }
    finish(dataDirectory);
    return outcome;
  } catch (cause) {
    if (!touched) finish(dataDirectory);
    throw new RewindError(touched, { cause });
  }
}

function finish(dataDirectory: string): void {
  putStandbySignal(dataDirectory);
  removeRecoverySignal(dataDirectory);
  clearUnfinished(dataDirectory);
}

async function runRewind(
  installation: Installation,
  options: RewindOptions,
  onTouch: () => void,
): Promise<RewindOutcome> {
  const { secrets, timeoutMs, signal, onProgress, onMessage, ...request } = options;
  const limits = { timeoutMs, ...(signal === undefined ? {} : { signal }) };
  await recoverBefore13(installation, options.dataDirectory, limits);
  const argv = rewindArgv({ ...request, ...installation });
  const result = await runTool(installation, argv, {
    ...limits,
    ...(secrets === undefined ? {} : { secrets }),
    onStderrLine: (line) => {
      if (FIRST_CHANGE_FOLLOWS.test(line)) onTouch();
      const progress = parseCopyProgress(line);
      if (progress === undefined) onMessage?.(line);
      else onProgress?.(progress);
    },
  });
  const output = `${result.stdout}${result.stderr}`;
  return { kind: rewindVerdict(output), output, durationMs: result.durationMs };
}

async function recoverBefore13(
  installation: Installation,
  dataDirectory: string,
  limits: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  if (installation.version.major >= 13) return;
  if (wasShutDownCleanly(await readControlData(installation, dataDirectory))) return;
  await runTool(installation, singleUserRecoveryArgv(installation.binDirectory, dataDirectory), {
    ...limits,
  });
}
