import { setTimeout as delay } from 'node:timers/promises';
import { formatLsn, type Lsn } from '#libs/kernel';
import { changeManagedSettings } from '#libs/postgres-run';
import type { StepOf } from '#libs/reconcile';
import { readReplayedPosition } from '../observe/replayed-position.ts';
import { upstreamSettings } from '../postgres/settings.ts';
import { FAST_FORWARD_LIMIT_MS } from '../timing.ts';
import { detach } from './detach.step.ts';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

const LOOK_MS = 5;

/**
 * Streams from another standby until it has as much, then detaches again, whatever came of it. That one is
 * detached too, so nothing of the lost primary comes through it: the promise of before is kept. Without a
 * slot, which a standby need not have for its peers.
 */
export async function fastForward(
  context: StepContext,
  { from, upTo, throughEpoch }: StepOf<'fastForward'>,
): Promise<void> {
  const { local, state, facts, log } = context;
  const { config, dataId, passFile, dataDirectory } = local;
  facts.detached = null;
  const { primary_conninfo } = upstreamSettings({
    ...{ config, definition: state.postgres, upstream: from.postgres, remote: null },
    ...{ dataId: dataId.current(), passFile },
  });
  changeManagedSettings(dataDirectory, { primary_conninfo, primary_slot_name: '' });
  local.reloadIfRunning();
  log.info('fetches what it lacks', { from: from.name, upTo: formatLsn(upTo.lsn) });
  const arrived = await untilReceived(context, upTo.lsn);
  await detach(context, throughEpoch);
  if (arrived) return;
  throw new NotYetError(`${formatLsn(upTo.lsn)} was not reached from ${from.name} in time`);
}

async function untilReceived({ sql, signal }: StepContext, upTo: Lsn): Promise<boolean> {
  const untilMs = performance.now() + FAST_FORWARD_LIMIT_MS;
  while (!signal.aborted && performance.now() < untilMs) {
    const position = await readReplayedPosition(sql);
    const received = position?.receivedLsn ?? null;
    if (received !== null && received >= upTo) return true;
    await delay(LOOK_MS);
  }
  return false;
}
