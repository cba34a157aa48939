import type { ClusterState } from '#libs/cluster';
import { type Epoch, type InstanceName, messageOf } from '#libs/kernel';
import {
  checkpoint,
  checkpointedTimeline,
  ensurePhysicalSlot,
  type SqlSession,
} from '#libs/postgres-run';
import { putStandbySignal } from '#libs/process';
import { ensureOwnRoles } from '../postgres/own-roles.ts';
import { wantedSlotsOf } from '../slots/wanted-slots.ts';
import { CHECKPOINT_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';

/**
 * Completes a primary that just began to serve: `standby.signal` back (safety 10), access files, roles,
 * a slot for each member, and a checkpoint, without which nobody can be rewound (safety 17).
 */
export async function settlePrimary(context: StepContext, epoch: Epoch): Promise<void> {
  const { local, state, sql, facts } = context;
  putStandbySignal(local.dataDirectory);
  await context.reportNow();
  await context.needCredentials();
  local.refreshConfiguration(state, !facts.clientsKeptOut);
  await ensureRoles(context);
  await ensureSlots(sql, state, local.config.instance);
  context.runInBackground('checkpoint', () => checkpointUnlessDone(context));
  facts.settledEpoch = epoch;
}

/** Those that standbys ask for at once; the others come with the duties. One that exists stays as it is. */
async function ensureSlots(sql: SqlSession, state: ClusterState, own: InstanceName): Promise<void> {
  const { wanted } = wantedSlotsOf(state, own, 'primary');
  for (const [name, { type }] of wanted) {
    if (type === 'physical') await ensurePhysicalSlot(sql, name);
  }
}

async function ensureRoles({ local, sql, log }: StepContext): Promise<void> {
  const { credentials } = local;
  if (credentials === null) return;
  for (const name of await ensureOwnRoles(sql, credentials)) log.info('role made', { name });
}

async function checkpointUnlessDone({ local, state, sql, observer, log }: StepContext) {
  const role = observer.latest?.sql;
  const timeline = role?.kind === 'reachable' ? role.role.timeline : null;
  if (timeline === (await checkpointedTimeline(sql))) return;
  try {
    await checkpoint(local.target(state.postgres.superuser), CHECKPOINT_MS);
  } catch (error) {
    log.warn('checkpoint after the promotion failed', { why: messageOf(error) });
  }
}
