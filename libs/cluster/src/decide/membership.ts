import { instanceName } from '#libs/kernel';
import type { Decision, DecisionInput } from '../decision.ts';
import type { ClusterEvent } from '../events.ts';
import type { AgentReport } from '../report.ts';
import type { ClusterState } from '../state.ts';

/** Records instances that report for the first time, or from another address. */
export function recordMembers({ state, observations }: DecisionInput): Decision | null {
  const events: ClusterEvent[] = [];
  for (const [name, { report }] of Object.entries(observations.instances)) {
    if (report === null || !mayBelong(state, report) || isRecorded(state, report)) continue;
    events.push({
      type: 'InstanceJoined',
      instance: instanceName(name),
      postgres: report.postgresEndpoint,
      agent: report.agentEndpoint,
      tags: report.tags,
    });
  }
  return events.length === 0 ? null : { rule: 'record-members', events };
}

/** An instance whose data directory holds another database never joins; its agent says so. */
function mayBelong(state: ClusterState, report: AgentReport): boolean {
  const { dataDirectory } = report;
  if (dataDirectory.kind === 'unusable') return state.members[report.instance] !== undefined;
  if (dataDirectory.kind !== 'initialised' || state.systemIdentifier === null) return true;
  return dataDirectory.systemIdentifier === state.systemIdentifier;
}

function isRecorded(state: ClusterState, report: AgentReport): boolean {
  const member = state.members[report.instance];
  if (member === undefined) return false;
  const { postgres, agent, tags } = member;
  return (
    postgres.host === report.postgresEndpoint.host &&
    postgres.port === report.postgresEndpoint.port &&
    agent.host === report.agentEndpoint.host &&
    agent.port === report.agentEndpoint.port &&
    tags.noFailover === report.tags.noFailover &&
    tags.noLoadBalance === report.tags.noLoadBalance &&
    tags.failoverPriority === report.tags.failoverPriority
  );
}
