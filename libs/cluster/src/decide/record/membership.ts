import { instanceName } from '#libs/kernel';
import type { Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import type { AgentReport } from '../../report.ts';
import type { ClusterState, MemberRecord } from '../../state.ts';

type Joined = Extract<ClusterEvent, { type: 'InstanceJoined' }>;
type Changed = NonNullable<Joined['changed']>[number];

/**
 * Records instances that report for the first time, with other tags, or from another address. The
 * latter only while nothing is under way: two agents of one name would otherwise raise the version
 * for ever, and no step of a failover would ever have lasted long enough.
 */
export function recordMembers({ state, observations }: DecisionInput): Decision | null {
  const events: ClusterEvent[] = [];
  const moves = state.operation.kind === 'none' && holdsOrNever(state);
  for (const [name, { report }] of Object.entries(observations.instances)) {
    if (report === null || !mayBelong(state, report)) continue;
    const member = state.members[report.instance];
    const changed = member === undefined ? null : changesOf(member, report, moves);
    if (changed?.length === 0) continue;
    events.push({
      type: 'InstanceJoined',
      instance: instanceName(name),
      postgres: report.postgresEndpoint,
      agent: report.agentEndpoint,
      tags: report.tags,
      ...(report.replicationName === undefined ? {} : { replicationName: report.replicationName }),
      ...(changed === null ? {} : { changed }),
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

/** Nothing waits for the end of a lease. */
function holdsOrNever({ lease, following }: ClusterState): boolean {
  return following !== undefined || lease.kind === 'Held' || lease.kind === 'NeverGranted';
}

function changesOf(member: MemberRecord, report: AgentReport, moves: boolean): readonly Changed[] {
  const { replicationName } = report;
  const sameData = replicationName === undefined || replicationName === member.replicationName;
  const changed: Changed[] = [];
  if (moves && !sameAddress(member, report)) changed.push('address');
  if (moves && !sameData) changed.push('data');
  if (!sameTags(member, report)) changed.push('tags');
  return changed;
}

function sameAddress({ postgres, agent }: MemberRecord, report: AgentReport): boolean {
  return (
    postgres.host === report.postgresEndpoint.host &&
    postgres.port === report.postgresEndpoint.port &&
    agent.host === report.agentEndpoint.host &&
    agent.port === report.agentEndpoint.port
  );
}

function sameTags({ tags }: MemberRecord, report: AgentReport): boolean {
  return (
    tags.noFailover === report.tags.noFailover &&
    tags.noLoadBalance === report.tags.noLoadBalance &&
    tags.failoverPriority === report.tags.failoverPriority &&
    (tags.noSync ?? false) === (report.tags.noSync ?? false) &&
    (tags.syncPriority ?? 1) === (report.tags.syncPriority ?? 1) &&
    tags.zone === report.tags.zone &&
    tags.replicateFrom === report.tags.replicateFrom &&
    (tags.noStream ?? false) === (report.tags.noStream ?? false) &&
    (tags.cloneFrom ?? false) === (report.tags.cloneFrom ?? false) &&
    sameCustom(tags.custom, report.tags.custom)
  );
}

type Custom = Readonly<Record<string, string>> | undefined;

function sameCustom(ownTags: Custom, reported: Custom): boolean {
  if (ownTags === reported) return true;
  const [a, b] = [ownTags ?? {}, reported ?? {}];
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
