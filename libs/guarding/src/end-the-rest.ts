import type { InstanceFiles, LastWorkers, PostmasterProcess, StopStage } from './ports.ts';

export type StoppingParts = {
  readonly files: Pick<InstanceFiles, 'stopStage'>;
  readonly postmaster: Pick<PostmasterProcess, 'state' | 'lastWorkers' | 'stopImmediate'>;
  readonly pause: (durationMs: number) => Promise<void>;
};

/** A whole cluster is without a primary meanwhile. */
const LOOK_MS = 10;
/** SIGQUIT to SIGKILL of what has nothing left to do: an end in order takes less where the host is not busy. */
export const REST_MS = 20;

/**
 * With its last record written and sent PostgreSQL has only to go, and does not while a client that came during the stop
 * has not said who it is: the check of a port by a load balancer holds it up for `authentication_timeout`, and each of many
 * clients that try again for as long as it takes to refuse it. Clients that could commit were gone before that record.
 * A postmaster that refuses clients is late, too, in telling its walsenders that they may end (SIGUSR2): they are told here.
 */
export async function endTheRest(
  { files, postmaster, pause }: StoppingParts,
  isStillWanted: () => boolean,
  onStage: (stage: StopStage) => void,
): Promise<void> {
  let workers: LastWorkers | null = null;
  let told = false;
  while (isStillWanted() && postmaster.state === 'stopping') {
    const stage = await files.stopStage();
    if (!isStillWanted()) return;
    onStage(stage);
    if (stage !== 'clients') workers ??= postmaster.lastWorkers();
    if (stage === 'written' && workers !== null) {
      if (!workers.areLeft()) {
        postmaster.stopImmediate(REST_MS);
        return;
      }
      if (!told) workers.letSendersEnd();
      told = true;
    }
    await pause(LOOK_MS);
  }
}
