import { codeOf, type Epoch } from '#libs/kernel';
import { ACQUIRE_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';
import { StepFailedError } from './step-error.ts';

/**
 * The guard may renew an epoch that was not confirmed to it yet; what asks for it to be held waits for
 * that. Where the guard has said already how long its right lasts, nothing is asked: it refuses by
 * itself when the right is over by then.
 */
export async function holdLease({ guard }: StepContext, epoch: Epoch): Promise<void> {
  const { state } = guard;
  if (state?.epoch === epoch && state.remainingMs !== null) return;
  await acquireLease({ guard }, epoch);
}

/** @throws StepFailedError when no answer came: which controllers the guard hears is told by nobody else */
export async function acquireLease(
  { guard }: { readonly guard: Pick<StepContext['guard'], 'ask' | 'state'> },
  epoch: Epoch,
): Promise<void> {
  try {
    await guard.ask({ type: 'acquire', epoch }, ACQUIRE_MS);
  } catch (error) {
    if (codeOf(error) !== 'GUARD_TIMEOUT') throw error;
    const heard = guard.state?.controllersConnected ?? 0;
    throw new StepFailedError(
      `epoch ${epoch} was not confirmed to the guard within ${ACQUIRE_MS} ms: it is connected to ${heard} ` +
        'of the controllers that it was started with. Where these are others by now, start the guard again',
      { cause: error },
    );
  }
}
