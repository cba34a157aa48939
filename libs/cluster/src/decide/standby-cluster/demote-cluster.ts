/** The writing is given to another cluster as a whole: this one stops, tells where, and follows. */
import type { CommandDecision, Decision, DecisionInput, OperatorCommand } from '../../decision.ts';
import { memberAt } from '../../remote/pair.ts';
import { isArchive, remoteText, sameRemote } from '../../remote/remote.ts';
import type { Operation } from '../../state.ts';
import { refused } from '../refusal.ts';
import { whyItServesOn, whyNotStopped } from '../switchover/why-given-up.ts';
import { decideFollow } from './change-remote.ts';

/** Covers a checkpoint of a busy primary, which still serves meanwhile. */
const STOP_LIMIT_MS = 120_000;

type Demotion = Extract<Operation, { kind: 'demotion' }>;

export function decideDemoteCluster(
  { state }: DecisionInput,
  { remote, acceptUnknown }: Extract<OperatorCommand, { type: 'demoteCluster' }>,
): CommandDecision {
  const { lease, operation, following, members, systemIdentifier, postgres } = state;
  const own = isArchive(remote) ? undefined : memberAt(remote, members);
  if (own !== undefined) {
    return refused('own-member', `${remoteText(remote)} is ${own.name}`, 'another cluster');
  }
  if (following !== undefined) {
    if (sameRemote(following.remote, remote)) {
      return { kind: 'satisfied', why: `it follows ${remoteText(remote)} already` };
    }
    return decideFollow(following, remote, acceptUnknown);
  }
  if (systemIdentifier === null) {
    return refused(
      'not-bootstrapped',
      'no data',
      'a cluster with data, or one made with `standbyOf`',
    );
  }
  if (lease.kind === 'Held') {
    if (operation.kind !== 'none' || !lease.serving) {
      return refused('busy', operation.kind, 'a serving primary and no operation under way');
    }
    // Nobody would put there what it writes last: the other cluster could not have all of it.
    if (isArchive(remote) && postgres.archive === undefined && !acceptUnknown) {
      const limit = '`archive` in the configuration, or --yes where WAL gets there otherwise';
      return refused(
        'archives-nothing',
        `this cluster puts nothing into ${remoteText(remote)}`,
        limit,
      );
    }
    const { epoch, holder: primary } = lease;
    return decided('operator-demote-cluster', {
      type: 'ClusterDemotionStarted',
      ...{ epoch, primary, remote, ...(acceptUnknown ? { acceptUnknown } : {}) },
    });
  }
  if (!acceptUnknown) {
    const value = 'there is no primary that could say where it stopped writing';
    return refused('no-primary', value, 'a serving primary, or --yes: the end is then not known');
  }
  return decided('operator-demote-cluster', { type: 'ClusterDemoted', remote, stoppedAt: null });
}

/** The demotion is done once the primary is down and said where its WAL ends; else it serves on. */
export function watchDemotion(input: DecisionInput): Decision | null {
  const { operation, lease } = input.state;
  if (operation.kind !== 'demotion' || lease.kind === 'NeverGranted') return null;
  if (lease.kind === 'Held') return watchStop(input, operation);
  const { remote, primary, stoppedAt } = operation;
  const orderly = lease.kind === 'Released' && lease.released === 'hand-over';
  if (!orderly || stoppedAt === null || stoppedAt.timeline !== lease.timeline) {
    return abandoned(`${primary} ended without saying where its WAL ends`);
  }
  const event = { type: 'ClusterDemoted', remote, stoppedAt } as const;
  return { rule: 'cluster-demoted', events: [event] };
}

function watchStop(input: DecisionInput, { primary, epoch }: Demotion): Decision | null {
  const why = whyItServesOn(input, primary, epoch) ?? whyNotStopped(input, primary, STOP_LIMIT_MS);
  return why === null ? null : abandoned(why);
}

function abandoned(reason: string): Decision {
  const event = { type: 'ClusterDemotionAbandoned', reason } as const;
  return { rule: 'abandon-demotion', events: [event] };
}

function decided(rule: string, event: Decision['events'][number]): CommandDecision {
  return { kind: 'decided', decision: { rule, events: [event] } };
}
