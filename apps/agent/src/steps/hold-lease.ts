import type { Epoch } from '#libs/kernel';
import { ACQUIRE_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';

/**
 * The guard may renew an epoch that was not confirmed to it yet; what asks for it to be held waits for
 * that. Where the guard has said already how long its right lasts, nothing is asked: it refuses by
 * itself when the right is over by then.
 */
export async function holdLease({ guard }: StepContext, epoch: Epoch): Promise<void> {
  const { state } = guard;
  if (state?.epoch === epoch && state.remainingMs !== null) return;
  await guard.ask({ type: 'acquire', epoch }, ACQUIRE_MS);
}
