import { endReceivers } from '#libs/backup';
import { newPlaceOf, putBackAside } from '#libs/postgres-run';
import type { StepContext } from './step-context.ts';

/**
 * Puts the copy that a rebuild had moved aside back in the place of what is there, on an operator's word. What was
 * said of the other data is taken back first: a crash in between must leave none of it (safety 6, 14, 25).
 */
export async function putBack(context: StepContext): Promise<void> {
  const { local, facts, desk, observer, log } = context;
  const { dataDirectory } = local;
  await context.permitDestruction('putBack', { inPlace: false });
  facts.detached = null;
  desk.undone();
  local.dataId.renew();
  await endReceivers(newPlaceOf(dataDirectory));
  const done = await putBackAside(dataDirectory);
  observer.forgetDirectory();
  log.info('the copy aside is back in place', {
    found: done !== null,
    keptAs: newPlaceOf(dataDirectory),
  });
}
