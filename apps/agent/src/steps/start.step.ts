import { type ClusterState, type MemberRecord, settingAtStart } from '#libs/cluster';
import type { Epoch } from '#libs/kernel';
import { timelineId } from '#libs/kernel';
import {
  clearDetachedMark,
  dropDanglingSkips,
  putDetachedMark,
  readControlData,
} from '#libs/postgres-run';
import { putStandbySignal } from '#libs/process';
import { settingText } from '../synchronous/setting-text.ts';
import { START_MS } from '../timing.ts';
import { holdLease } from './hold-lease.ts';
import type { ClientsAwait, StepContext, SynchronousFacts } from './step-context.ts';

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
  const started = startedWith(context);
  local.writeConfiguration(state, upstream?.postgres ?? null, {
    synchronousStandbyNames: started.text,
    clients: true,
  });
  putStandbySignal(dataDirectory);
  const control = await readControlData(local.installation, dataDirectory);
  const timeline = timelineId(Math.max(control.checkpointTimeline, control.minRecoveryTimeline));
  dropDanglingSkips(dataDirectory, timeline);
  context.setActivity('starting PostgreSQL as standby');
  await guard.ask({ type: 'start', epoch: null }, START_MS);
  context.facts.synchronous = started;
  context.facts.clientsAwait = null;
  context.facts.recoveredTo = null;
}

/**
 * A postmaster that starts with a value has it in all its processes, the checkpointer too: nothing is
 * left to be proved.
 */
function startedWith({ state, local, facts }: StepContext): SynchronousFacts {
  const setting = settingAtStart(state, local.config.instance);
  const text = settingText(setting);
  const generation = (facts.synchronous?.generation ?? 0) + 1;
  // Should the start fail half way, nothing is known of what runs.
  facts.synchronous = null;
  return { setting, text, order: null, flushedTo: null, armed: text !== '', generation };
}

/** Starts the instance read-write; the guard removes `standby.signal` just before, and only with the lease. */
export async function startPrimary(context: StepContext, epoch: Epoch): Promise<void> {
  const { local, state, guard, facts } = context;
  if (local.credentials === null) context.runInBackground('credentials', context.needCredentials);
  facts.detached = null;
  facts.settledEpoch = null;
  clearDetachedMark(local.dataDirectory);
  const started = startedWith(context);
  const awaited = clientsAwait(state);
  // Without them the access file stays as it is, and clients would come in.
  if (awaited !== null) await context.needCredentials();
  local.writeConfiguration(state, null, {
    synchronousStandbyNames: started.text,
    clients: awaited === null,
  });
  context.setActivity('starting PostgreSQL as primary');
  await holdLease(context, epoch);
  await guard.ask({ type: 'start', epoch }, START_MS);
  facts.synchronous = started;
  facts.clientsAwait = awaited;
  facts.recoveredTo = null;
}

/**
 * A crash leaves commits on the primary that nobody acknowledged. They must not be seen before a
 * failover would keep them (safety 12).
 */
function clientsAwait({ sync }: ClusterState): ClientsAwait | null {
  const committed = sync?.committed ?? null;
  if (committed === null) return null;
  return { names: committed.members.map(({ name }) => name), count: committed.count };
}
