import { type InstanceName, instanceName } from '#libs/kernel';
import { adopts } from '../../adoption.ts';
import type { Decision, DecisionInput } from '../../decision.ts';
import type { AgentReport } from '../../report.ts';
import { type ClusterState, memberNames } from '../../state.ts';
import { refuse } from '../refusal.ts';
import { freshReport, observed } from '../sight.ts';
import { unrecorded } from '../standby-cluster/standby-leader.ts';
import { adoptData, grantTakenOver, whyNotTakenOver } from './adopt.ts';
import { firstGrant } from './first-grant.ts';

/** initdb on a slow disk takes seconds; an initialiser that is silent is given up sooner. */
const INITIALISE_LIMIT_MS = 120_000;
/** Given up too soon, it would end its work after another has done the same. */
const INITIALISER_SILENCE_MS = 10_000;
/** What a silent host loses is a restore of hours. */
const RESTORER_SILENCE_MS = 60_000;
const REST_MS = 5_000;
const REST_LONGEST_MS = 300_000;

/** Chooses who creates the first data directory: an instance whose own is empty. */
export function startBootstrap(input: DecisionInput): Decision | null {
  const { state } = input;
  if (state.systemIdentifier !== null || state.operation.kind !== 'none' || state.paused)
    return null;
  const names = memberNames(state).sort();
  if (input.observations.sinceChangeMs < restMs(state, names.length)) return null;
  const { adopt } = state.postgres.bootstrap ?? {};
  if (adopt !== undefined) return adoptData(input, adopt);
  const occupied = names.flatMap((name) => {
    const directory = freshReport(input, name)?.dataDirectory;
    if (directory?.kind !== 'initialised') return [];
    const value = `system identifier ${directory.systemIdentifier}`;
    return [{ instance: name, rule: 'data-directory-not-empty', value, limit: 'empty' }];
  });
  if (occupied.length > 0) return refuse(input, 'bootstrap', occupied);
  const initialiser = names.find((name) => mayInitialise(input, name));
  if (initialiser === undefined) return null;
  return { rule: 'start-bootstrap', events: [{ type: 'BootstrapStarted', initialiser }] };
}

/** What has failed on every instance is tried again later and later: a restore may take hours. */
function restMs({ bootstrapFailures = 0 }: ClusterState, members: number): number {
  const rounds = bootstrapFailures - members;
  return rounds < 0 ? 0 : Math.min(REST_LONGEST_MS, REST_MS * 2 ** Math.min(rounds, 10));
}

function mayInitialise(input: DecisionInput, name: InstanceName): boolean {
  const report = freshReport(input, name);
  if (report === null || report.guard === null || report.problem !== null) return false;
  return report.dataDirectory.kind === 'empty' && !report.tags.noFailover;
}

/** Grants the first epoch once the directory is there, or gives a failed initialiser up. */
export function watchBootstrap(input: DecisionInput): Decision | null {
  const { operation } = input.state;
  if (operation.kind !== 'bootstrap') return null;
  const instance = instanceName(operation.initialiser);
  const report = freshReport(input, instance);
  if (report !== null && report.guard !== null) {
    const first = firstEvents(input, report);
    if (first !== null) return first;
  }
  const reason = whyGivenUp(input, instance);
  if (reason === null) return null;
  return { rule: 'abandon-bootstrap', events: [{ type: 'BootstrapAbandoned', instance, reason }] };
}

function firstEvents(input: DecisionInput, report: AgentReport): Decision | null {
  const { state } = input;
  if (state.following !== undefined) return firstCopy(report);
  return adopts(state) ? grantTakenOver(input, report) : firstGrant(state, report);
}

/** Of the cluster that is followed: nobody is granted anything. */
function firstCopy({ instance, dataDirectory, guard }: AgentReport): Decision | null {
  if (dataDirectory.kind !== 'initialised' || guard === null) return null;
  const { systemIdentifier } = dataDirectory;
  const timelines = unrecorded([], dataDirectory) ?? [];
  return {
    rule: 'first-copy',
    events: [
      { type: 'ClusterInitialised', instance, systemIdentifier },
      { type: 'RemoteTimelinesFollowed', instance, timelines },
    ],
  };
}

function whyGivenUp(input: DecisionInput, instance: InstanceName): string | null {
  // A restore takes as long as it takes, and says itself when it fails.
  const { postgres, following } = input.state;
  const restores = following !== undefined || (postgres.bootstrap?.source ?? null) !== null;
  const { reportAgeMs } = observed(input, instance);
  const silentMs = reportAgeMs ?? input.observations.servingForMs;
  if (silentMs > (restores ? RESTORER_SILENCE_MS : INITIALISER_SILENCE_MS)) {
    return `${instance} was not heard any more`;
  }
  if (!restores && input.observations.sinceChangeMs > INITIALISE_LIMIT_MS) {
    return `${instance} was not done after ${INITIALISE_LIMIT_MS} ms`;
  }
  const report = freshReport(input, instance);
  // Until it is taken over it has no guard, which would count as a problem.
  if (report !== null && adopts(input.state)) return whyNotTakenOver(report);
  return report?.problem ?? null;
}
