import { totalMs } from '#libs/api';
import type { ClusterEvent, ClusterState } from '#libs/cluster';
import type { Metrics } from '#libs/observability';

/** Counts how failovers and switchovers ended, and what the failovers cost. */
export function countOutage(metrics: Metrics, cluster: string, event: ClusterEvent): void {
  switch (event.type) {
    case 'FailoverCompleted':
      metrics.add('matriarch_failovers_total', 1, { cluster, outcome: 'completed' });
      metrics.observe('matriarch_failover_seconds', totalMs(event.phasesMs) / 1_000);
      metrics.add('matriarch_failover_lost_bytes_total', Number(event.lostBytes ?? 0n), {
        cluster,
      });
      break;
    case 'FailoverAborted':
      metrics.add('matriarch_failovers_total', 1, { cluster, outcome: 'aborted' });
      break;
    case 'SwitchoverCompleted':
      metrics.add('matriarch_switchovers_total', 1, { cluster, outcome: 'completed' });
      metrics.observe('matriarch_switchover_seconds', totalMs(event.phasesMs) / 1_000);
      break;
    case 'SwitchoverAbandoned':
      metrics.add('matriarch_switchovers_total', 1, { cluster, outcome: 'abandoned' });
      break;
    default:
      break;
  }
}

/** What the ledgers' last entries say: a cluster without a complete outage has no such value. */
export function collectLastOutages(metrics: Metrics, states: readonly ClusterState[]): void {
  metrics.reset('matriarch_last_outage_seconds');
  metrics.reset('matriarch_last_outage_phase_seconds');
  for (const { name: cluster, lastOutage } of states) {
    if (lastOutage?.outcome !== 'completed' || lastOutage.endedAt === null) continue;
    const { kind, phasesMs, followMs, endedAt, lostBytes } = lastOutage;
    metrics.set('matriarch_last_outage_seconds', totalMs(phasesMs) / 1_000, { cluster, kind });
    const phases = followMs === null ? phasesMs : { ...phasesMs, follow: followMs };
    for (const [phase, durationMs] of Object.entries(phases)) {
      metrics.set('matriarch_last_outage_phase_seconds', durationMs / 1_000, { cluster, phase });
    }
    metrics.set('matriarch_last_outage_end_seconds', endedAt / 1_000, { cluster });
    metrics.set('matriarch_last_outage_lost_bytes', Number(lostBytes ?? 0n), { cluster });
  }
}
