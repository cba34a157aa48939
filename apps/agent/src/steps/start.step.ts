import type { MemberRecord } from '#libs/cluster';
import type { Epoch } from '#libs/kernel';
import { timelineId } from '#libs/kernel';
import {
  clearDetachedMark,
  dropDanglingSkips,
  putDetachedMark,
  readControlData,
} from '#libs/postgres-run';
import { putStandbySignal } from '#libs/process';
import { START_MS } from '../timing.ts';
import { holdLease } from './hold-lease.ts';
import type { StepContext } from './step-context.ts';

/** Starts the instance as a standby of `upstream`, or detached when there is none. */
export async function startStandby(
  context: StepContext,
  upstream: MemberRecord | null,
): Promise<void> {
  const { local, state, guard } = context;
  const { dataDirectory } = local;
  if (local.credentials === null) context.runInBackground('credentials', context.needCredentials);
  if (upstream === null) putDetachedMark(dataDirectory);
  else clearDetachedMark(dataDirectory);
  if (upstream !== null) context.facts.detached = null;
  local.writeConfiguration(state, upstream?.postgres ?? null);
  putStandbySignal(dataDirectory);
  const control = await readControlData(local.installation, dataDirectory);
  const timeline = timelineId(Math.max(control.checkpointTimeline, control.minRecoveryTimeline));
  dropDanglingSkips(dataDirectory, timeline);
  context.setActivity('starting PostgreSQL as standby');
  await guard.ask({ type: 'start', epoch: null }, START_MS);
}

/** Starts the instance read-write; the guard removes `standby.signal` just before, and only with the lease. */
export async function startPrimary(context: StepContext, epoch: Epoch): Promise<void> {
  const { local, state, guard, facts } = context;
  if (local.credentials === null) context.runInBackground('credentials', context.needCredentials);
  facts.detached = null;
  facts.settledEpoch = null;
  clearDetachedMark(local.dataDirectory);
  local.writeConfiguration(state, null);
  context.setActivity('starting PostgreSQL as primary');
  await holdLease(context, epoch);
  await guard.ask({ type: 'start', epoch }, START_MS);
}
