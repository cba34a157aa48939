import { epoch, type InstanceName, instanceName, timelineId } from '#libs/kernel';
import type { Decision, DecisionInput } from '../decision.ts';
import { memberNames } from '../state.ts';
import { firstSetting, synchronousOf } from '../sync-set/standing-setting.ts';
import { refuse } from './refusal.ts';
import { freshReport, isSilent } from './sight.ts';

/** initdb on a slow disk takes seconds; an initialiser that is silent is given up far sooner. */
const INITIALISE_LIMIT_MS = 120_000;

/** Chooses who creates the first data directory: an instance whose own is empty. */
export function startBootstrap(input: DecisionInput): Decision | null {
  const { state } = input;
  if (state.systemIdentifier !== null || state.operation.kind !== 'none' || state.paused)
    return null;
  const names = memberNames(state).sort();
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
  if (report?.dataDirectory.kind === 'initialised' && report.guard !== null) {
    const { systemIdentifier, timeline } = report.dataDirectory;
    return {
      rule: 'first-grant',
      events: [
        { type: 'ClusterInitialised', instance, systemIdentifier },
        {
          type: 'LeaseGranted',
          epoch: epoch(1),
          holder: instance,
          guard: report.guard.incarnation,
          timeline: timelineId(timeline),
          reason: 'bootstrap',
          refusals: [],
          position: null,
          ...synchronousOf(input.state, firstSetting(input.state)),
        },
      ],
    };
  }
  const reason = whyGivenUp(input, instance);
  if (reason === null) return null;
  return { rule: 'abandon-bootstrap', events: [{ type: 'BootstrapAbandoned', instance, reason }] };
}

function whyGivenUp(input: DecisionInput, instance: InstanceName): string | null {
  if (isSilent(input, instance)) return `${instance} was not heard any more`;
  if (input.observations.sinceChangeMs > INITIALISE_LIMIT_MS) {
    return `${instance} was not done after ${INITIALISE_LIMIT_MS} ms`;
  }
  return freshReport(input, instance)?.problem ?? null;
}
