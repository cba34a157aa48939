import { type RewindRequest, rewindArgv, rewindCopyBytes } from '#libs/postgres-model';
import type { Installation } from './installation.ts';
import { runTool } from './run-tool.ts';

/**
 * How much a rewind of an instance that was shut down in order would copy, at most; null: it sees nothing
 * to rewind. Changes nothing.
 *
 * @throws ProcessError when the rewind would fail: WAL that it needs is gone, say
 */
export async function rewindSize(
  installation: Installation,
  request: Pick<RewindRequest, 'dataDirectory' | 'source'> & { readonly timeoutMs: number },
): Promise<number | null> {
  const { timeoutMs, dataDirectory, source } = request;
  const argv = rewindArgv({ ...installation, dataDirectory, source, dryRun: true });
  const enough = new AbortController();
  let bytes: number | null = null;
  try {
    await runTool(installation, argv, {
      timeoutMs,
      signal: enough.signal,
      onStderrLine: (line) => {
        bytes ??= rewindCopyBytes(line);
        // It would go on and fetch all that it does not write.
        if (bytes !== null) enough.abort();
      },
    });
  } catch (error) {
    if (bytes === null) throw error;
  }
  return bytes;
}
