import type { WalPosition } from '#libs/cluster';
import { codeOf, type Epoch, messageOf } from '#libs/kernel';
import { checkpoint, readControlData } from '#libs/postgres-run';
import { killAll, ProcessesInDirectory } from '#libs/process';
import type { StepOf } from '#libs/reconcile';
import { readWalEnd } from '../observe/data-directory.ts';
import {
  CHECKPOINT_MS,
  FAST_STOP_MS,
  IMMEDIATE_STOP_MS,
  KILL_LIMIT_MS,
  RELEASE_MS,
} from '../timing.ts';
import type { OwnFacts, StepContext } from './step-context.ts';
import { whyNotFollowed } from './why-not-followed.ts';

/** Fast, and immediate when its budget is over. */
export async function stop(
  { guard, hooks }: StepContext,
  mode: 'fast' | 'immediate',
): Promise<void> {
  if (mode === 'fast') {
    await hooks.beforeStop();
    try {
      const budgetMs = FAST_STOP_MS;
      await guard.ask({ type: 'stop', mode, budgetMs }, budgetMs + IMMEDIATE_STOP_MS);
      return;
    } catch (error) {
      if (codeOf(error) !== 'STOP_TIMED_OUT') throw error;
    }
  }
  await guard.ask({ type: 'stop', mode: 'immediate', budgetMs: 0 }, IMMEDIATE_STOP_MS);
}

/**
 * Checkpoint while clients are still served, so that the stop has little left to write; then a fast
 * stop within the budget. Beyond it PostgreSQL is ended at once: where it had written all that it ever
 * would, the switchover goes on; else it is not worth the outage, and it serves on in the same epoch
 * (safety 22).
 */
export async function handOver(
  context: StepContext,
  epoch: Epoch,
  stopBudgetMs: number,
): Promise<void> {
  const { guard, facts, log } = context;
  const refused = await whyNotGivenAway(context);
  if (context.signal.aborted) return;
  facts.handOverRefused = refused;
  if (refused !== null) {
    facts.abandonedHandOver = epoch;
    log.warn('the primary serves on: it was not stopped', { why: refused });
    return;
  }
  await context.hooks.beforeStop(context.signal);
  if (context.signal.aborted) return;
  context.setActivity('checkpoint before the switchover');
  await checkpointFirst(context);
  await endOtherSenders(context);
  await context.leaveSessions();
  if (context.signal.aborted) return;
  context.setActivity('stopping for the switchover');
  const begunMs = performance.now();
  try {
    // The shutdown checkpoint has the budget to itself.
    const limitMs = 2 * stopBudgetMs + IMMEDIATE_STOP_MS;
    await guard.ask({ type: 'handOver', epoch, budgetMs: stopBudgetMs }, limitMs);
    log.info('stopped for the switchover', { tookMs: Math.round(performance.now() - begunMs) });
    // The guard has given the epoch back by itself where the files tell the end of WAL; this hears
    // what became of it, and does it where they do not.
    const why = 'stopped for the switchover';
    await release(context, { kind: 'release', epoch, reason: 'hand-over', why });
  } catch (error) {
    if (codeOf(error) !== 'STOP_TIMED_OUT') throw error;
    await guard.ask({ type: 'stop', mode: 'immediate', budgetMs: 0 }, IMMEDIATE_STOP_MS);
    if (await wroteItsEnd(context)) {
      log.info('stopped for the switchover, at once after its last record', { stopBudgetMs });
      const why = 'what was left of the stop is of no use to the target';
      await release(context, { kind: 'release', epoch, reason: 'hand-over', why });
      return;
    }
    facts.abandonedHandOver = epoch;
    facts.handOverRefused = `PostgreSQL was not down in time: switchoverStopMs gives its clients ${stopBudgetMs} ms to end, and its shutdown checkpoint as long again`;
    log.warn('switchover abandoned: the stop took too long', { epoch, stopBudgetMs });
  }
}

/** What was stopped, or ended by itself, without its shutdown checkpoint may hold what the target lacks. */
export function giveUpAfterCrash(facts: OwnFacts, epoch: Epoch): void {
  // A stop that was begun and took too long has said so already.
  if (facts.abandonedHandOver !== epoch) {
    facts.handOverRefused = 'PostgreSQL ended by itself, without its shutdown checkpoint';
  }
  facts.abandonedHandOver = epoch;
}

/** Of a demotion without an operator's word: nobody would write if the remote were not there. */
async function whyNotGivenAway(context: StepContext): Promise<string | null> {
  const { operation } = context.state;
  if (operation.kind !== 'demotion' || operation.acceptUnknown === true) return null;
  context.setActivity('asks the remote before it stops');
  const why = await whyNotFollowed(context, operation.remote);
  return why === null ? null : `${why} (--yes stops it all the same)`;
}

/**
 * Over a connection of its own, for it may take long. Where clients have taken every one, over the one
 * that was there before them: a stop that has all of it still to write is seldom within its budget.
 */
async function checkpointFirst({ local, state, sql, log }: StepContext): Promise<void> {
  try {
    await checkpoint(local.target(state.postgres.superuser), CHECKPOINT_MS);
  } catch (error) {
    if (codeOf(error) !== TOO_MANY_CONNECTIONS) throw error;
    log.info('checkpoint over the connection of the steps', { why: messageOf(error) });
    await sql.query('CHECKPOINT', undefined, CHECKPOINT_MS).catch((error: unknown) => {
      if (codeOf(error) !== TOO_MANY_CONNECTIONS) throw error;
      log.warn('no checkpoint before the stop', { why: messageOf(error) });
    });
  }
}

/** SQLSTATE `too_many_connections`. */
const TOO_MANY_CONNECTIONS = '53300';

const OTHER_SENDERS = `
SELECT application_name AS name, pg_terminate_backend(pid) AS ended FROM pg_stat_replication
 WHERE NOT application_name = ANY ($1::text[])
   AND (flush_lsn IS NULL OR flush_lsn < pg_current_wal_flush_lsn())`;

/**
 * A fast stop waits until every walsender heard that all was flushed. pg_receivewal and subscribers say so every
 * ten seconds or with each segment only: they are ended first, and come back to the next primary (safety 22).
 */
async function endOtherSenders({ sql, state, log }: StepContext): Promise<void> {
  // The cluster that is to write next is no member, and must have the last record of all.
  if (state.operation.kind === 'demotion') return;
  const members = Object.values(state.members).flatMap(
    ({ replicationName }) => replicationName ?? [],
  );
  try {
    const ended = await sql.query(OTHER_SENDERS, [members]);
    if (ended.length === 0) return;
    log.info('walsenders that are behind are ended first', {
      names: ended.map(({ name }) => String(name)).join(', '),
    });
  } catch (error) {
    // They cost the budget of the stop, no more.
    log.warn('walsenders not looked at before the stop', { why: messageOf(error) });
  }
}

/**
 * The shutdown checkpoint is the last record of all, so clients were gone; what the stop waited for
 * then was a walsender. Whether the target has every byte is for the leader to see, who takes the
 * switchover back if not (safety 22).
 */
async function wroteItsEnd({ local }: StepContext): Promise<boolean> {
  const { state } = await readControlData(local.installation, local.dataDirectory);
  return state === 'shut down';
}

/** Gives the epoch back, with the end of WAL where it can be read: the next primary must have it. */
export async function release(
  context: StepContext,
  { epoch, reason }: StepOf<'release'>,
): Promise<void> {
  const { guard, log } = context;
  // Only a switchover's target has to reach it, and reading it takes time that others wait.
  const position = reason === 'hand-over' ? await positionAtRest(context) : null;
  const timeline = position?.timeline ?? null;
  const lsn = position?.lsn ?? null;
  await guard.ask({ type: 'release', epoch, reason, timeline, lsn }, RELEASE_MS);
  log.info('released', { epoch, reason });
}

async function positionAtRest({ local, log }: StepContext): Promise<WalPosition | null> {
  try {
    return await readWalEnd(local.installation, local.dataDirectory);
  } catch (error) {
    log.warn('end of WAL not read', { why: messageOf(error) });
    return null;
  }
}

/** A postmaster that somebody else started is never adopted (safety 10). */
export async function stopForeign({ local, log }: StepContext, pid: number): Promise<void> {
  log.error('a postmaster that our guard did not start is ended', { pid });
  const processes = new ProcessesInDirectory(local.dataDirectory);
  const { left } = await killAll(processes, { limitMs: KILL_LIMIT_MS });
  if (left.length > 0) log.error('processes are left', { pids: left.map((each) => each.pid) });
}
