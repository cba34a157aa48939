/** An operator lets automatic decisions go on; after a restoration this confirms the state (safety 4). */
import type { CommandDecision, DecisionInput } from '../../decision.ts';
import type { AdoptedHistory } from '../../events.ts';
import type { AgentReport } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { memberNames, type TimelineRecord } from '../../state.ts';
import { freshReport, hasHeardEnough } from '../sight.ts';

export function decideResume(input: DecisionInput): CommandDecision {
  const { paused, restored } = input.state;
  if (!paused) return { kind: 'satisfied', why: 'the cluster is not paused' };
  if (restored === undefined || restored.confirmed) {
    const decision = { rule: 'operator-resume', events: [{ type: 'ClusterResumed' } as const] };
    return { kind: 'decided', decision };
  }
  return confirmRestored(input);
}

function confirmRestored(input: DecisionInput): CommandDecision {
  const names = memberNames(input.state);
  const reports = names.flatMap((name) => freshReport(input, name) ?? []);
  const obstacle = obstacleTo(input, reports);
  if (obstacle !== null) return { kind: 'refused', refusals: [obstacle] };
  const adopted = historyOf(input.state.history, reports);
  if ('instance' in adopted) return { kind: 'refused', refusals: [adopted] };
  const event = { type: 'ClusterResumed', adopted } as const;
  return { kind: 'decided', decision: { rule: 'operator-confirm', events: [event] } };
}

function obstacleTo(input: DecisionInput, reports: readonly AgentReport[]): RuleRefusal | null {
  const { lease } = input.state;
  if (lease.kind === 'Held') {
    const value = `epoch ${lease.epoch} has not expired yet`;
    return { instance: lease.holder, rule: 'lease-not-over', value, limit: 'try again in seconds' };
  }
  const [unheard] = memberNames(input.state).filter((name) => freshReport(input, name) === null);
  if (unheard === undefined || (reports.length > 0 && hasHeardEnough(input))) return null;
  return { instance: unheard, rule: 'not-heard', value: 'silent', limit: 'its agent is heard' };
}

/** The line of the instance that went furthest, as far as the restored history lacks it. */
function historyOf(
  history: readonly TimelineRecord[],
  reports: readonly AgentReport[],
): AdoptedHistory | RuleRefusal {
  const known = new Map<number, TimelineRecord>(history.map((each) => [each.timeline, each]));
  let timelines: TimelineRecord[] = [];
  let highestTimeline = 0;
  for (const { instance, dataDirectory } of reports) {
    if (dataDirectory.kind !== 'initialised') continue;
    const line = lineOf(dataDirectory);
    highestTimeline = Math.max(highestTimeline, dataDirectory.timeline);
    const conflict = line.find((each) => contradicts(each, known.get(each.timeline)));
    if (conflict !== undefined) {
      const value = `timeline ${conflict.timeline} left another place`;
      const limit = 'the history of the others: set it aside, then resume';
      return { instance, rule: 'timeline-diverged', value, limit };
    }
    for (const each of line) {
      if (known.has(each.timeline)) continue;
      known.set(each.timeline, each);
      timelines = [...timelines, each].sort((a, b) => a.timeline - b.timeline);
    }
  }
  return { timelines, highestTimeline };
}

function lineOf(directory: Extract<AgentReport['dataDirectory'], { kind: 'initialised' }>) {
  const { ancestors, timeline } = directory;
  const ids = [...ancestors.map((ancestor) => ancestor.timeline), timeline];
  return ids.map((id, position): TimelineRecord => {
    const parent = ancestors[position - 1];
    const fork = parent === undefined ? null : { from: parent.timeline, lsn: parent.forkLsn };
    return { timeline: id, fork };
  });
}

/** The same id with another fork: two histories, of which only a person can choose (safety 3). */
function contradicts(own: TimelineRecord, known: TimelineRecord | undefined): boolean {
  if (known === undefined) return false;
  return own.fork?.from !== known.fork?.from || own.fork?.lsn !== known.fork?.lsn;
}
