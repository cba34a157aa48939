import type { ChildProcess } from 'node:child_process';

export type ChildEnd = { readonly exitCode?: number; readonly signal?: NodeJS.Signals };

/** Of silence, twice, so that what was written before the end is read also by a process that stood still meanwhile. */
const QUIET_TICK_MS = 250;
const QUIET_TICKS = 2;

/**
 * The end of a child, with all that it wrote. A process of its own session (a daemon that it started) may keep
 * its streams open for ever: once the child itself is gone and nothing comes any more they are let go.
 */
export function waitForEnd(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve, reject) => {
    let quiet: NodeJS.Timeout | undefined;
    child.once('error', reject);
    child.once('exit', () => {
      quiet = afterSilence(child);
    });
    child.once('close', (exitCode, signal) => {
      clearInterval(quiet);
      resolve({
        ...(exitCode === null ? {} : { exitCode }),
        ...(signal === null ? {} : { signal }),
      });
    });
  });
}

/** Timers come before input in a turn of the loop: between two of them there always was a look at the streams. */
function afterSilence({ stdout, stderr }: ChildProcess): NodeJS.Timeout {
  const streams = [stdout, stderr];
  let ticks = 0;
  const heard = (): void => {
    ticks = 0;
  };
  for (const stream of streams) stream?.on('data', heard);
  return setInterval(() => {
    ticks += 1;
    if (ticks < QUIET_TICKS) return;
    for (const stream of streams) stream?.destroy();
  }, QUIET_TICK_MS);
}
