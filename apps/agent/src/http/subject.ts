import { ownVersion } from '#libs/process';
import type { Agent } from '../agent.ts';
import type { PeerAnswer } from '../probes/peer-probe.ts';
import type { HealthView } from './health-view.ts';
import { patroniStatus } from './patroni-status.ts';

/** Read once: the files may be those of the next version while this one still runs. */
const VERSION = ownVersion();

/** What the endpoints show of an agent, now. */
export function healthViewOf(agent: Agent): HealthView {
  const { tags } = agent.parts.config;
  const nowMs = performance.now();
  const latest = agent.observer.latest;
  return {
    report: agent.report(),
    lookAgeMs: latest === null ? Number.POSITIVE_INFINITY : nowMs - latest.begunMs,
    leaseRemainingMs: agent.guard.remainingMs(nowMs),
    goal: agent.goal,
    state: agent.stream.state,
    noLoadBalance: tags.noLoadBalance,
    tags: {
      nofailover: tags.noFailover,
      noloadbalance: tags.noLoadBalance,
      failover_priority: tags.failoverPriority,
      nosync: tags.noSync ?? false,
      sync_priority: tags.syncPriority ?? 1,
      nostream: tags.noStream ?? false,
      clonefrom: tags.cloneFrom ?? false,
      ...(tags.replicateFrom === undefined ? {} : { replicatefrom: tags.replicateFrom }),
      ...(tags.zone === undefined ? {} : { zone: tags.zone }),
      ...tags.custom,
    },
    connectedControllers: agent.controllers.connected.length,
    clientsKeptOut: agent.facts.clientsKeptOut,
  };
}

export function peerAnswerOf(agent: Agent): PeerAnswer {
  const { cluster, instance } = agent.parts.config;
  return { cluster, instance, guardAnswers: agent.guard.answers };
}

export function statusOf(agent: Agent): Record<string, unknown> {
  const { cluster, instance } = agent.parts.config;
  const sql = agent.observer.latest?.sql;
  return patroniStatus({
    view: healthViewOf(agent),
    sql: sql?.kind === 'reachable' ? sql : null,
    cluster,
    instance,
    version: VERSION,
  });
}
