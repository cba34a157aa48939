import { type Installation, runTool } from '#libs/postgres-run';
import { ProcessError } from '#libs/process';
import type { WalProgram } from './rebuild-tool.ts';

export type WalFetch = {
  /** Segment or timeline history, as PostgreSQL names it. */
  readonly file: string;
  readonly path: string;
  readonly timeoutMs: number;
};

/**
 * Brings one WAL file out of the archive; false: it is not there.
 *
 * @throws ProcessError when the archive does not answer
 */
export async function fetchWal(
  installation: Pick<Installation, 'runAs'>,
  { argv, environment, missingExitCodes = [1] }: WalProgram,
  { file, path, timeoutMs }: WalFetch,
): Promise<boolean> {
  const words = argv.map((word) => filled(word, file, path));
  const env = environment === undefined ? {} : { environment };
  try {
    await runTool(installation, words, { timeoutMs, ...env });
    return true;
  } catch (error) {
    const exitCode = error instanceof ProcessError ? error.failure.exitCode : null;
    if (exitCode != null && missingExitCodes.includes(exitCode)) return false;
    throw error;
  }
}

/** As PostgreSQL fills in a command: `%f`, `%p`, and `%%` for a percent sign. */
function filled(word: string, file: string, path: string): string {
  return word.replaceAll(/%([fp%])/g, (_, sign: string) =>
    sign === 'f' ? file : sign === 'p' ? path : '%',
  );
}
