import { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** The third argument of a guard that is started before it is needed. */
export const SPARE_ARGUMENT = '--spare';
/** Where the agent's end of the pipe is; not stdin, whose number the next opened file would take. */
const PIPE_FD = 3;

/**
 * A spare has loaded its program and nothing else: no lock, no lease, no connection, no name. One byte
 * of its agent makes it a guard like any other; the end of the pipe, that is of the agent, ends it.
 *
 * @returns false when it is not needed any more
 */
export async function toldToBegin(
  pipe: Readable = new Socket({ fd: PIPE_FD, readable: true, writable: false }),
): Promise<boolean> {
  try {
    return await new Promise<boolean>((resolve) => {
      pipe.once('data', () => resolve(true));
      pipe.once('error', () => resolve(false));
      pipe.once('close', () => resolve(false));
    });
  } finally {
    pipe.destroy();
  }
}
