import { setTimeout as delay } from 'node:timers/promises';
import type { WalPosition } from '#libs/cluster';
import { type Epoch, formatLsn, maxLsn, type TimelineId } from '#libs/kernel';
import {
  detach as detachStandby,
  type InstanceObservation,
  readControlData,
  readTimelineHistory,
  walEnd,
} from '#libs/postgres-run';
import { readWalEnd } from '../observe/data-directory.ts';
import { type ReplayedPosition, readReplayedPosition } from '../observe/replayed-position.ts';
import { DETACH_LIMIT_MS, FAST_STOP_MS, WAL_END_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

/**
 * Makes sure that the instance receives from nobody, then reads how far its WAL goes. The promise is
 * on disk before it is said, and the position is read after the receiver is gone (safety 6, 7).
 */
export async function detach(context: StepContext, throughEpoch: Epoch): Promise<void> {
  const { local, facts, log, sql } = context;
  const streamed = context.observer.lastStreamed.before(facts.detached, performance.now());
  context.promiseDetached(throughEpoch);
  const answers = context.observer.latest?.sql?.kind === 'reachable';
  const outcome = await detachStandby(answers ? sql : undefined, {
    dataDirectory: local.dataDirectory,
    version: local.installation.version,
    limitMs: DETACH_LIMIT_MS,
  });
  switch (outcome.kind) {
    case 'not-detached':
      throw new NotYetError(`the receiver is not surely gone: ${outcome.reason}`);
    case 'needs-restart':
      if (context.guard.state?.postmaster !== 'down') {
        const stop = { type: 'stop', mode: 'fast', budgetMs: FAST_STOP_MS } as const;
        await context.guard.ask(stop, FAST_STOP_MS * 2);
      }
      break;
    case 'not-running':
      // One that just starts has read its files and has no pid file yet: it would go on receiving.
      if (context.guard.state?.postmaster === 'down') break;
      throw new NotYetError('PostgreSQL is just starting or its guard is not attached');
    case 'detached':
      break;
  }
  const position =
    outcome.kind === 'detached' ? await runningEnd(context) : await endAtRest(context);
  facts.detached = { throughEpoch, position, ...(streamed === null ? {} : { streamed }) };
  const { timeline, lsn } = position;
  log.info('detached', { throughEpoch, timeline, lsn: formatLsn(lsn) });
  await context.reportNow();
}

async function endAtRest({ local }: StepContext): Promise<WalPosition> {
  return readWalEnd(local.installation, local.dataDirectory);
}

/** What was received last is replayed within a few milliseconds, unless it ends within a record. */
const REPLAY_WAIT_MS = 2;
const REPLAY_LOOKS = 5;

/**
 * Where all that was received is replayed, nothing valid is left beyond it: what lay on disk from before was
 * replayed before anything was asked for. Else the WAL itself is read, from the larger of replayed and received
 * position onwards, as recovery would go on; from the control file's position where that alone tells the timeline.
 */
async function runningEnd(context: StepContext): Promise<WalPosition> {
  const { local, observer } = context;
  const { installation, dataDirectory } = local;
  const position = await settledPosition(context);
  if (position === null || observer.latest?.timelineIsSure !== true) {
    return readWalEnd(installation, dataDirectory);
  }
  const known = replayedTimeline(dataDirectory, position, observer.latest?.sql ?? null);
  const { receivedLsn, replayedLsn } = position;
  if (receivedLsn === replayedLsn) return { timeline: known, lsn: replayedLsn };
  const control = await readControlData(installation, dataDirectory);
  const { timeline, lsn } = await walEnd(installation, {
    dataDirectory,
    walSegmentBytes: control.walSegmentBytes,
    replayedLsn,
    timeline: known,
    ...(receivedLsn === null ? {} : { receivedLsn }),
    timeoutMs: WAL_END_MS,
  });
  return { timeline, lsn: maxLsn(lsn, replayedLsn) };
}

/** Null when the standby does not answer. */
async function settledPosition({ sql }: StepContext): Promise<ReplayedPosition | null> {
  let position = await readReplayedPosition(sql);
  for (let look = 1; look < REPLAY_LOOKS && isReplaying(position); look += 1) {
    await delay(REPLAY_WAIT_MS);
    position = await readReplayedPosition(sql);
  }
  return position;
}

function isReplaying(position: ReplayedPosition | null): boolean {
  if (position === null || position.receivedLsn === null) return false;
  return position.receivedLsn > position.replayedLsn;
}

/**
 * The timeline of the replayed position: on the line of the furthest one that is known. The control
 * file alone may be behind it by a promotion, and reading would begin on a timeline that ended before.
 */
function replayedTimeline(
  dataDirectory: string,
  { replayedLsn, timeline }: ReplayedPosition,
  seen: InstanceObservation | null,
): TimelineId {
  const known = seen?.kind === 'reachable' ? seen.role.timeline : timeline;
  if (known <= timeline) return timeline;
  const history = readTimelineHistory(dataDirectory, known);
  const ancestor = history?.ancestors.find(({ endLsn }) => endLsn >= replayedLsn);
  return ancestor?.timeline ?? known;
}
