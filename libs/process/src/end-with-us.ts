import type { ChildProcess } from 'node:child_process';

/**
 * A shell stays in the tool's process group and kills all of it once the pipe on its descriptor 3 is at
 * its end. That is so when the tool has ended, and when this process is gone, however it went. A death
 * signal would reach the tool alone, and not what a script of an operator has started.
 */
const WATCH_THEN_EXEC =
  '(trap "" TERM INT HUP; read -r nothing <&3; kill -KILL 0) </dev/null >/dev/null 2>&1 & ' +
  'exec 3<&-; exec "$@"';

/** What to spawn, with a pipe as its fourth stream, in a process group of its own. */
export function endingWithUs(argv: readonly string[]): readonly string[] {
  return ['sh', '-c', WATCH_THEN_EXEC, 'sh', ...argv];
}

/** What a tool leaves behind in its group ends with it. */
export function endGroupAfter(child: ChildProcess): void {
  child.once('exit', () => child.stdio[3]?.destroy());
}
