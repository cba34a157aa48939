import type { ClusterView } from '#libs/api';
import { Metrics } from '#libs/observability';
import type { ReadModel } from './cluster/read-model.ts';
import { collectLastOutages, countOutage } from './outage-metrics.ts';
import { collectRaft, type RaftSources } from './raft-metrics.ts';

export type MetricSources = RaftSources & { readonly model: ReadModel };

/** Gauges are read when somebody scrapes; only what happens in between is counted as it happens. */
export function collectMetrics(metrics: Metrics, sources: MetricSources): void {
  const { core, host } = sources;
  collectRaft(metrics, sources);
  metrics.beforeScrape(() => collectClusters(metrics, sources));
  metrics.beforeScrape(() => collectAbsentAgents(metrics, sources));
  host.applies.observe((events) => {
    for (const { event, cluster } of events) {
      if (event.type === 'LeaseExpired') {
        metrics.add('matriarch_lease_expiries_total', 1, { cluster });
      } else {
        countOutage(metrics, cluster, event);
      }
    }
  });
  metrics.beforeScrape(() => collectLastOutages(metrics, host.store.clusters()));
  metrics.beforeScrape(() => {
    metrics.set('matriarch_links_open', core.guards.linkCount, { channel: 'guard' });
    metrics.set('matriarch_links_open', core.stream.agents.size, { channel: 'agent' });
    metrics.set('matriarch_links_open', core.sessions.linkCount, { channel: 'session' });
  });
}

/** Only the leader hears guards. */
function collectAbsentAgents(metrics: Metrics, { core, host }: MetricSources): void {
  metrics.reset('matriarch_primary_agent_absent_seconds');
  const { service } = core;
  if (service === null) return;
  for (const { name: cluster, lease } of host.store.clusters()) {
    if (lease.kind !== 'Held') continue;
    const guard = service.observations.of(cluster, null).instances[lease.holder]?.guard;
    const absentMs = guard?.agentAbsentMs ?? 0;
    metrics.set('matriarch_primary_agent_absent_seconds', absentMs / 1_000, { cluster });
  }
}

async function collectClusters(metrics: Metrics, { model }: MetricSources): Promise<void> {
  metrics.reset('matriarch_instance_lag_bytes');
  metrics.reset('matriarch_instance_silent_seconds');
  for await (const views of model.clusters()) for (const view of views) setCluster(metrics, view);
}

function setCluster(metrics: Metrics, view: ClusterView): void {
  const { name: cluster, lease } = view;
  metrics.set('matriarch_lease_epoch', lease.epoch ?? 0, { cluster });
  metrics.set('matriarch_cluster_serving', lease.serving ? 1 : 0, { cluster });
  metrics.set('matriarch_cluster_paused', view.paused ? 1 : 0, { cluster });
  for (const { name: instance, lagBytes, agent } of view.instances) {
    const labels = { cluster, instance };
    if (lagBytes !== null) metrics.set('matriarch_instance_lag_bytes', Number(lagBytes), labels);
    if (agent.heardAgeMs !== null) {
      metrics.set('matriarch_instance_silent_seconds', agent.heardAgeMs / 1_000, labels);
    }
  }
}
