import { setTimeout as delay } from 'node:timers/promises';
import { type Epoch, formatLsn, type TimelineId } from '#libs/kernel';
import {
  clearDetachedMark,
  endConflicts,
  promote as promoteInstance,
  putDetachedMark,
} from '#libs/postgres-run';
import { ProcessesInDirectory, putStandbySignal } from '#libs/process';
import { IMMEDIATE_STOP_MS, RELEASE_MS } from '../timing.ts';
import { holdLease } from './hold-lease.ts';
import type { StepContext } from './step-context.ts';
import { StepFailedError } from './step-error.ts';

const LOCAL_ANSWER_MS = 500;
/** A promotion takes 20 to 60 ms; one that takes longer may wait for a query that conflicts with replay. */
const CONFLICT_SHOWS_MS = 80;

/**
 * Promotes the standby onto exactly the timeline that the lease names. The guard counts it as primary
 * from before it is asked (safety 8); a promotion that does not end is withdrawn by a stop.
 */
export async function promote(
  context: StepContext,
  epoch: Epoch,
  targetTimeline: TimelineId,
): Promise<void> {
  const { local, guard, sql, looks, state, log, facts, observer } = context;
  const { dataDirectory } = local;
  const role = currentRole(context);
  const begunMs = performance.now();
  await holdLease(context, epoch);
  await askOwnHook(context, epoch);
  await guard.ask({ type: 'promoting', epoch }, LOCAL_ANSWER_MS);
  context.setActivity(`promoting to timeline ${targetTimeline}`);
  // PostgreSQL asks the archive for the history of every id up to the new one: a tool that takes half a second
  // for each would hold the promotion up until it is withdrawn.
  if (observer.latest?.restores === true) putDetachedMark(dataDirectory);
  const promotion = promoteInstance(sql, {
    dataDirectory,
    currentTimeline: role,
    targetTimeline,
    promoteTimeoutMs: state.settings.promoteTimeoutMs,
  });
  context.runInBackground('end conflicts', async () => {
    // To look for one costs more time than a promotion that nothing holds up.
    const isOver = await Promise.race([promotion.then(() => true), delay(CONFLICT_SHOWS_MS)]);
    if (isOver === true) return;
    const processes = new ProcessesInDirectory(dataDirectory);
    await endConflicts(looks, processes, local.installation.version);
  });
  const outcome = await promotion;
  if (outcome.kind !== 'promoted') {
    const detail = outcome.kind === 'pending' ? outcome.detail : `took ${outcome.timeline}`;
    log.error('promotion withdrawn', { epoch, detail });
    await guard.ask({ type: 'stop', mode: 'immediate', budgetMs: 0 }, IMMEDIATE_STOP_MS);
    throw new StepFailedError(`the promotion to timeline ${targetTimeline} failed: ${detail}`);
  }
  facts.detached = null;
  facts.settledEpoch = null;
  // From here on a crash leaves a directory that starts as a standby only (safety 10).
  putStandbySignal(dataDirectory);
  const tookMs = Math.round(performance.now() - begunMs);
  const { timeline, forkLsn } = outcome;
  log.info('promoted', { epoch, timeline, forkLsn: formatLsn(forkLsn), tookMs });
  await context.reportNow();
  clearDetachedMark(dataDirectory);
}

/** Others get their turn meanwhile, as long as Patroni leaves them by default. */
const REFUSED_FOR_MS = 30_000;

/**
 * The operator's own fencing. When it fails this instance takes the epoch back to where it came from, and
 * says why, so that the leader chooses somebody else.
 */
async function askOwnHook(context: StepContext, epoch: Epoch): Promise<void> {
  const { hooks, facts, guard, log, signal } = context;
  const failure = await hooks.prePromote(epoch, signal);
  if (failure === null) {
    facts.promotionRefused = null;
    return;
  }
  const why = `prePromote: ${failure}`;
  facts.promotionRefused = { why, untilMs: performance.now() + REFUSED_FOR_MS };
  log.error('promotion refused by its own hook', { epoch, why });
  await context.reportNow();
  await guard.ask({ type: 'stop', mode: 'immediate', budgetMs: 0 }, IMMEDIATE_STOP_MS);
  const nothing = { timeline: null, lsn: null };
  await guard.ask({ type: 'release', epoch, reason: 'yielded', ...nothing }, RELEASE_MS);
  throw new StepFailedError(why);
}

function currentRole({ observer }: StepContext): TimelineId {
  const sql = observer.latest?.sql;
  if (sql?.kind !== 'reachable') throw new StepFailedError('the standby does not answer');
  return sql.role.timeline;
}
