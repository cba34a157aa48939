import { setTimeout as delay } from 'node:timers/promises';
import {
  DomainError,
  type Lsn,
  messageOf,
  present,
  type TimelineId,
  timelineId,
} from '#libs/kernel';
import type { SqlSession } from './sql-session.ts';
import { readTimelineHistory, skipTimelinesBefore } from './timeline-files.ts';

export type PromoteRequest = {
  readonly dataDirectory: string;
  /** As last observed. */
  readonly currentTimeline: TimelineId;
  /** The id that the lease names; no other is accepted. */
  readonly targetTimeline: TimelineId;
  readonly promoteTimeoutMs: number;
};

export type PromoteOutcome =
  | {
      readonly kind: 'promoted';
      readonly timeline: TimelineId;
      /** End of the old timeline: where standbys must not be beyond. */
      readonly forkLsn: Lsn;
      readonly tookMs: number;
    }
  /** Writable, on another id than the one given out: must be stopped. */
  | { readonly kind: 'wrong-timeline'; readonly timeline: TimelineId; readonly tookMs: number }
  /**
   * Asked for and not seen to finish: it stays pending inside PostgreSQL and may fire much later, so
   * only a stop withdraws it (safety 8).
   */
  | { readonly kind: 'pending'; readonly detail: string; readonly tookMs: number };

class PromotionLimitError extends DomainError {
  readonly code = 'PROMOTION_UNFINISHED';

  constructor() {
    super('the instance was still in recovery when `promoteTimeoutMs` was over');
  }
}

/** `pg_promote(true)` looks every 100 ms; a promotion itself takes about 20. */
const POLL_INTERVAL_MS = 3;

const TIMELINE_SQL =
  "SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint AS timeline";

/**
 * Promotes the instance onto the given timeline id and polls until it is writable. The caller holds
 * the lease and has told the guard before.
 *
 * @throws TimelineTakenError before anything was asked of PostgreSQL
 */
export async function promote(
  session: SqlSession,
  request: PromoteRequest,
): Promise<PromoteOutcome> {
  skipTimelinesBefore(request.dataDirectory, {
    current: request.currentTimeline,
    target: request.targetTimeline,
  });
  const startedMs = performance.now();
  const tookMs = (): number => performance.now() - startedMs;
  try {
    await session.query('SELECT pg_promote(false)', [], request.promoteTimeoutMs);
    while (await isInRecovery(session, request.promoteTimeoutMs - tookMs())) {
      await delay(POLL_INTERVAL_MS);
    }
    const timeline = await currentTimeline(session, request.promoteTimeoutMs - tookMs());
    if (timeline !== request.targetTimeline) {
      return { kind: 'wrong-timeline', timeline, tookMs: tookMs() };
    }
    const history = readTimelineHistory(request.dataDirectory, timeline);
    const fork = present(history?.ancestors.at(-1), 'a promotion writes its history first');
    return { kind: 'promoted', timeline, forkLsn: fork.endLsn, tookMs: tookMs() };
  } catch (error) {
    return { kind: 'pending', detail: messageOf(error), tookMs: tookMs() };
  }
}

async function isInRecovery(session: SqlSession, leftMs: number): Promise<boolean> {
  if (leftMs <= 0) throw new PromotionLimitError();
  const [row] = await session.query('SELECT pg_is_in_recovery() AS in_recovery', [], leftMs);
  return row?.['in_recovery'] !== false;
}

async function currentTimeline(session: SqlSession, leftMs: number): Promise<TimelineId> {
  const [row] = await session.query(TIMELINE_SQL, [], Math.max(1, leftMs));
  return timelineId(Number(row?.['timeline']));
}
