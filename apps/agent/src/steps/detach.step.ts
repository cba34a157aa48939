import type { WalPosition } from '#libs/cluster';
import { type Epoch, maxLsn } from '#libs/kernel';
import { detach as detachStandby, readControlData, walEnd } from '#libs/postgres-run';
import { readWalEnd } from '../observe/data-directory.ts';
import { readReplayedPosition } from '../observe/replayed-position.ts';
import { DETACH_LIMIT_MS, FAST_STOP_MS, WAL_END_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

/**
 * Makes sure that the instance receives from nobody, then reads how far its WAL goes. The promise is
 * on disk before it is said, and the position is read after the receiver is gone (safety 6, 7).
 */
export async function detach(context: StepContext, throughEpoch: Epoch): Promise<void> {
  const { local, facts, log, sql } = context;
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
    case 'detached':
    case 'not-running':
      break;
  }
  const position =
    outcome.kind === 'detached' ? await runningEnd(context) : await endAtRest(context);
  facts.detached = { throughEpoch, position };
  log.info('detached', { throughEpoch, timeline: position.timeline, lsn: String(position.lsn) });
  await context.reportNow();
}

async function endAtRest({ local }: StepContext): Promise<WalPosition> {
  return readWalEnd(local.installation, local.dataDirectory);
}

/** From the larger of replayed and received position onwards, as recovery would go on. */
async function runningEnd({ local, sql }: StepContext): Promise<WalPosition> {
  const { installation, dataDirectory } = local;
  const [control, position] = await Promise.all([
    readControlData(installation, dataDirectory),
    readReplayedPosition(sql),
  ]);
  if (position === null) return readWalEnd(installation, dataDirectory);
  const { timeline, lsn } = await walEnd(installation, {
    dataDirectory,
    walSegmentBytes: control.walSegmentBytes,
    replayedLsn: position.replayedLsn,
    timeline: position.timeline,
    ...(position.receivedLsn === null ? {} : { receivedLsn: position.receivedLsn }),
    timeoutMs: WAL_END_MS,
  });
  return { timeline, lsn: maxLsn(lsn, position.replayedLsn) };
}
