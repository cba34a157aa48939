import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { IN_ORDER, RUN_MARK } from './run-mark.ts';

/**
 * Before the tests with real processes: from here on everything that they start carries a mark, and a sweeper waits
 * for the end of this run, by Ctrl-C and SIGKILL too. It has a session of its own, which Ctrl-C does not reach.
 */
export default async function sweepAfterRun(): Promise<() => Promise<void>> {
  const mark = `${process.pid}-${Date.now()}`;
  const script = join(await mkdtemp(join(tmpdir(), 'matriarch-sweeper-')), 'sweeper.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'sweeper.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['source'],
    logLevel: 'error',
  });
  const sweeper = spawn(process.execPath, [script, mark], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  process.env[RUN_MARK] = mark;
  return async () => {
    const swept = once(sweeper, 'exit');
    sweeper.stdin.end(IN_ORDER);
    await swept;
  };
}
