import type { InstanceFiles, PostmasterProcess } from './ports.ts';

export type StoppingParts = {
  readonly files: Pick<InstanceFiles, 'wroteItsEnd'>;
  readonly postmaster: Pick<PostmasterProcess, 'state' | 'worksToTheEnd' | 'stopImmediate'>;
  readonly pause: (durationMs: number) => Promise<void>;
};

/** A whole cluster is without a primary meanwhile. */
const LOOK_MS = 5;

/**
 * With its last record written and sent PostgreSQL has only to go, and does not while a client that came during the stop
 * has not said who it is: the check of a port by a load balancer holds it up for `authentication_timeout`, and each of many
 * clients that try again for as long as it takes to refuse it. Clients that could commit were gone before that record.
 */
export async function endTheRest(
  { files, postmaster, pause }: StoppingParts,
  killMs: number,
  isStillWanted: () => boolean,
): Promise<void> {
  while (isStillWanted() && postmaster.state === 'stopping') {
    const wroteItsEnd = await files.wroteItsEnd();
    if (!isStillWanted()) return;
    if (wroteItsEnd && !postmaster.worksToTheEnd()) {
      postmaster.stopImmediate(killMs);
      return;
    }
    await pause(LOOK_MS);
  }
}
