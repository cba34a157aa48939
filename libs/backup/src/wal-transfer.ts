import { type Installation, runTool } from '#libs/postgres-run';
import { ProcessError } from '#libs/process';
import type { WalProgram } from './rebuild-tool.ts';

export type WalTransfer = {
  /** Segment or timeline history, as PostgreSQL names it. */
  readonly file: string;
  readonly path: string;
  readonly timeoutMs: number;
};

type User = Pick<Installation, 'runAs'>;

/**
 * Brings one WAL file out of the archive; false: it is not there.
 *
 * @throws ProcessError when the archive does not answer
 */
export async function fetchWal(
  user: User,
  program: WalProgram,
  transfer: WalTransfer,
): Promise<boolean> {
  const { missingExitCodes = [1] } = program;
  try {
    await runFilled(user, program, transfer);
    return true;
  } catch (error) {
    const exitCode = error instanceof ProcessError ? error.failure.exitCode : null;
    if (exitCode != null && missingExitCodes.includes(exitCode)) return false;
    throw error;
  }
}

/**
 * Puts one WAL file into the archive.
 *
 * @throws ProcessError when it is not there afterwards
 */
export async function archiveWal(
  user: User,
  program: WalProgram,
  transfer: WalTransfer,
): Promise<void> {
  await runFilled(user, program, transfer);
}

async function runFilled(
  user: User,
  { argv, environment }: WalProgram,
  { file, path, timeoutMs }: WalTransfer,
): Promise<void> {
  const words = argv.map((word) => filled(word, file, path));
  await runTool(user, words, {
    timeoutMs,
    ...(environment === undefined ? {} : { environment }),
  });
}

/** As PostgreSQL fills in a command: `%f`, `%p`, and `%%` for a percent sign. */
function filled(word: string, file: string, path: string): string {
  return word.replaceAll(/%([fp%])/g, (_, sign: string) =>
    sign === 'f' ? file : sign === 'p' ? path : '%',
  );
}
