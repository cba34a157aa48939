import { type AgentReport, type ClusterState, isExhausted, rebuildRecordOf } from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import type { InstanceState, InstanceView } from './status.ts';

/** Rebuilding, or in need of it; null when the instance is what its PostgreSQL is. */
export function rebuildStateOf(state: ClusterState, report: AgentReport): InstanceState | null {
  const record = rebuildRecordOf(state, report.instance);
  const { postgres, dataDirectory } = report;
  // Nothing is done there, whatever was ordered before.
  if (dataDirectory.kind === 'unusable') return null;
  if (postgres.kind === 'standby' && postgres.receiver?.streaming === true) return null;
  if (postgres.kind === 'primary') return null;
  if (record === null) return report.rebuild?.wants == null ? null : 'needs-rebuild';
  return record.cancelled || isExhausted(record) ? 'needs-rebuild' : 'rebuilding';
}

/** The committed order, with how far the agent says it is. */
export function rebuildViewOf(
  state: ClusterState,
  instance: InstanceName,
  report: AgentReport | undefined,
): InstanceView['rebuild'] {
  const record = rebuildRecordOf(state, instance);
  if (record === null) return null;
  const { order, trigger, reason, methods, failures, cancelled } = record;
  const now = report?.rebuild?.order === order ? report.rebuild : null;
  return {
    order,
    trigger,
    reason,
    methods: [...methods],
    method: now?.method ?? record.progress?.method ?? null,
    phase: now?.phase ?? 'waiting',
    doneBytes: String(now?.doneBytes ?? 0n),
    totalBytes: now?.totalBytes == null ? null : String(now.totalBytes),
    bytesPerSecond: now?.bytesPerSecond ?? null,
    secondsLeft: now?.secondsLeft ?? null,
    failures: failures.map((failure) => ({ ...failure })),
    cancelled,
  };
}
