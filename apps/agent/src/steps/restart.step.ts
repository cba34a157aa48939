import { messageOf } from '#libs/kernel';
import { checkpoint } from '#libs/postgres-run';
import { CHECKPOINT_MS, FAST_STOP_MS, IMMEDIATE_STOP_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';

/**
 * Stops PostgreSQL in an orderly way; the goal then starts it again, a primary in the epoch that its guard
 * goes on renewing. Most of the shutdown checkpoint is written while clients are still served.
 */
export async function restart(context: StepContext, asPrimary: boolean): Promise<void> {
  const { local, state, guard, hooks, log } = context;
  await hooks.beforeStop();
  context.setActivity('restarting PostgreSQL');
  local.lastGood.tryAgain();
  if (asPrimary) {
    await checkpoint(local.target(state.postgres.superuser), CHECKPOINT_MS).catch(
      (error: unknown) => log.warn('no checkpoint before the restart', { why: messageOf(error) }),
    );
  }
  const stop = { type: 'stop', mode: 'fast', budgetMs: FAST_STOP_MS } as const;
  await guard.ask(stop, FAST_STOP_MS + IMMEDIATE_STOP_MS);
}
