import { type MemberRecord, settingAtStart } from '#libs/cluster';
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
import { needArchive } from './follow.step.ts';
import { holdLease } from './hold-lease.ts';
import type { StepContext, SynchronousFacts } from './step-context.ts';

/** Starts the instance as a standby of `upstream` or of the archive, or detached without either. */
export async function startStandby(
  context: StepContext,
  upstream: MemberRecord | null,
  archiveOnly: boolean,
): Promise<void> {
  if (archiveOnly) needArchive(context);
  const { local, state, guard } = context;
  const { dataDirectory } = local;
  if (local.credentials === null) context.runInBackground('credentials', context.needCredentials);
  const detached = upstream === null && !archiveOnly;
  if (detached) putDetachedMark(dataDirectory);
  else clearDetachedMark(dataDirectory);
  if (!detached) context.facts.detached = null;
  context.facts.clientsKeptOut = false;
  context.facts.recoveredTo = null;
  const started = startedWith(context);
  const control = await readControlData(local.installation, dataDirectory);
  local.aboutToStart(state, guard.state?.lastStop ?? null);
  if (!detached) local.turning(state);
  local.writeConfiguration(state, archiveOnly ? null : (upstream?.postgres ?? null), {
    synchronousStandbyNames: started.text,
    clients: true,
    restores: !detached,
    atLeast: control.standbyMinimums,
  });
  putStandbySignal(dataDirectory);
  const timeline = timelineId(Math.max(control.checkpointTimeline, control.minRecoveryTimeline));
  dropDanglingSkips(dataDirectory, timeline);
  context.setActivity('starting PostgreSQL as standby');
  await guard.ask({ type: 'start', epoch: null }, START_MS);
  context.facts.synchronous = started;
}

/**
 * A postmaster that starts with a value has it in all its processes, the checkpointer too: nothing is
 * left to be proved.
 */
function startedWith({ state, local, facts }: StepContext): SynchronousFacts {
  const setting = settingAtStart(state, local.config.instance);
  const text = settingText(setting);
  // Should the start fail half way, nothing is known of what runs.
  facts.synchronous = null;
  return { setting, text, order: null, flushedTo: null, armed: text !== '', armedAs: {} };
}

/** Starts the instance read-write; the guard removes `standby.signal` just before, and only with the lease. */
export async function startPrimary(context: StepContext, epoch: Epoch): Promise<void> {
  const { local, state, guard, facts } = context;
  if (local.credentials === null) context.runInBackground('credentials', context.needCredentials);
  facts.detached = null;
  facts.settledEpoch = null;
  clearDetachedMark(local.dataDirectory);
  const started = startedWith(context);
  // A crash leaves commits that nobody acknowledged: not to be seen before a failover would keep them.
  const keptOut = started.setting.count > 0;
  // Without them the access file stays as it is, and clients would come in.
  if (keptOut) await context.needCredentials();
  facts.clientsKeptOut = keptOut;
  facts.recoveredTo = null;
  local.aboutToStart(state, guard.state?.lastStop ?? null);
  local.writeConfiguration(state, null, {
    synchronousStandbyNames: started.text,
    clients: !keptOut,
    restores: false,
  });
  context.setActivity('starting PostgreSQL as primary');
  await holdLease(context, epoch);
  await guard.ask({ type: 'start', epoch }, START_MS);
  facts.synchronous = started;
}
