import {
  type AgentReport,
  type ClusterState,
  isExhausted,
  rebuildRecordOf,
  type SlotReport,
} from '#libs/cluster';
import type { Metrics } from '#libs/observability';
import type { StepOutcome } from '../step-runner.ts';
import { type HealthView, isPrimary, isRunning, isStandbyLeader } from './health-view.ts';

const MS_PER_SECOND = 1_000;

export function recordStep(metrics: Metrics, { step, tookMs, ok }: StepOutcome): void {
  const outcome = ok ? 'done' : 'failed';
  metrics.add('matriarch_agent_steps_total', 1, { step: step.kind, outcome });
  metrics.observe('matriarch_agent_step_seconds', tookMs / MS_PER_SECOND, { step: step.kind });
}

/** Values that are read at each scrape. */
export function collectView(metrics: Metrics, view: HealthView): void {
  const { report, state, leaseRemainingMs, connectedControllers } = view;
  metrics.set('matriarch_postgres_up', isRunning(view) ? 1 : 0);
  metrics.set('matriarch_postgres_primary', isPrimary(view) ? 1 : 0);
  metrics.set('matriarch_postgres_standby_leader', isStandbyLeader(view) ? 1 : 0);
  metrics.set('matriarch_guard_attached', report?.guard == null ? 0 : 1);
  collectRebuild(metrics, report, state);
  collectSlots(metrics, report?.slots ?? []);
  metrics.set('matriarch_agent_connected', connectedControllers > 0 ? 1 : 0);
  metrics.set(
    'matriarch_guard_lease_remaining_seconds',
    Math.max(0, leaseRemainingMs ?? 0) / MS_PER_SECOND,
  );
  const postgres = report?.postgres;
  if (postgres?.kind !== 'primary' && postgres?.kind !== 'standby') return;
  metrics.set('matriarch_postgres_timeline', postgres.timeline);
  metrics.reset('matriarch_postgres_wal_bytes');
  const positions =
    postgres.kind === 'primary'
      ? { written: postgres.writeLsn }
      : { received: postgres.receivedLsn, replayed: postgres.replayedLsn };
  for (const [position, lsn] of Object.entries(positions)) {
    if (lsn !== null) metrics.set('matriarch_postgres_wal_bytes', Number(lsn), { position });
  }
}

function collectSlots(metrics: Metrics, slots: readonly SlotReport[]): void {
  metrics.reset('matriarch_slot_retained_bytes');
  metrics.reset('matriarch_slot_safe_bytes');
  metrics.reset('matriarch_slot_lost');
  for (const { name: slot, retainedBytes, safeBytes, walStatus } of slots) {
    metrics.set('matriarch_slot_lost', walStatus === 'lost' ? 1 : 0, { slot });
    if (retainedBytes !== null) {
      metrics.set('matriarch_slot_retained_bytes', Number(retainedBytes), { slot });
    }
    if (safeBytes !== null) metrics.set('matriarch_slot_safe_bytes', Number(safeBytes), { slot });
  }
}

function collectRebuild(
  metrics: Metrics,
  report: AgentReport | null,
  state: ClusterState | null,
): void {
  const rebuild = report?.rebuild ?? null;
  const copies = rebuild?.phase === 'copying' ? rebuild : null;
  const wants = rebuild?.wants != null;
  const needed = wants || (report !== null && state !== null && isLeftWithout(state, report));
  metrics.set('matriarch_rebuild_needed', needed ? 1 : 0);
  metrics.set('matriarch_rebuild_done_bytes', Number(copies?.doneBytes ?? 0n));
  metrics.set('matriarch_rebuild_total_bytes', Number(copies?.totalBytes ?? 0n));
}

/** Every method has failed or an operator broke it off; later rounds alone are no reason to be calm. */
function isLeftWithout(state: ClusterState, { instance, postgres }: AgentReport): boolean {
  const record = rebuildRecordOf(state, instance);
  if (record === null || (postgres.kind === 'standby' && postgres.receiver?.streaming === true)) {
    return false;
  }
  return record.cancelled || isExhausted(record);
}
