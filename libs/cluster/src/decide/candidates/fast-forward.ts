/** A preferred candidate that lacks WAL which another one has fetches it, instead of being passed over. */
import { formatLsn } from '#libs/kernel';
import type { Decision, DecisionInput } from '../../decision.ts';
import { FAST_FORWARD_LEVEL } from '../../fast-forward/fast-forward-events.ts';
import type { Operation } from '../../state.ts';
import { isSilent } from '../sight.ts';
import { type Candidate, comparePreference, type Verdict } from './candidates.ts';

/** To stream it, and to prove itself detached again. Nobody serves meanwhile. */
const FAST_FORWARD_LIMIT_MS = 1_500;
/** One segment: a small part of that time on any network. With more missing, the most advanced one is taken at once. */
const FAST_FORWARD_MAX_BYTES = 16_777_216n;

type Failover = Extract<Operation, { kind: 'failover' }>;
type Timing = { readonly detachMs: number; readonly chooseMs: number };

export type Turn =
  /** The furthest is granted the next epoch: nobody has to be brought forward, or any more. */
  | { readonly kind: 'grant' }
  /** Somebody is brought forward first; null: is being. */
  | { readonly kind: 'first'; readonly decision: Decision | null };

/**
 * @param furthest whom the next epoch would be granted to without a preference
 */
export function bringForward(
  input: DecisionInput,
  operation: Failover,
  verdicts: readonly Verdict[],
  furthest: Candidate,
  timing: Timing,
): Turn {
  const { fastForward } = operation;
  if (fastForward?.givenUp === true || operation.acceptLoss) {
    return { kind: 'grant' };
  }
  if (fastForward === undefined) return begin(input, operation, verdicts, furthest, timing);
  // Level with it, the preferred one is the furthest; who came back meanwhile with more comes before it.
  if (eligible(verdicts).some((each) => hasArrived(each, fastForward))) {
    return { kind: 'grant' };
  }
  const reason = whyNoLonger(input, fastForward);
  if (reason === null) return { kind: 'first', decision: null };
  const event = { type: 'FastForwardGivenUp', instance: fastForward.instance, reason } as const;
  return { kind: 'first', decision: { rule: 'give-up-fast-forward', events: [event] } };
}

function hasArrived(
  { member, position }: Candidate,
  { instance, upTo }: NonNullable<Failover['fastForward']>,
): boolean {
  if (member.name !== instance || position.timeline !== upTo.timeline) return false;
  return position.lsn >= upTo.lsn;
}

function begin(
  input: DecisionInput,
  operation: Failover,
  verdicts: readonly Verdict[],
  furthest: Candidate,
  timing: Timing,
): Turn {
  const zones = input.state.settings.failoverZones;
  const known = (input.protocol ?? 0) >= FAST_FORWARD_LEVEL;
  const [preferred] = [...eligible(verdicts), ...behind(verdicts)]
    .filter((each) => known && isPreferred(each, furthest, operation, zones))
    .filter((each) => canFetch(each, furthest))
    .sort((a, b) => comparePreference(a, b, zones));
  if (preferred === undefined) return { kind: 'grant' };
  const { position: upTo } = furthest;
  const event = {
    type: 'FastForwardStarted',
    instance: preferred.member.name,
    from: furthest.member.name,
    upTo,
    missingBytes: upTo.lsn - preferred.position.lsn,
    timing,
  } as const;
  return { kind: 'first', decision: { rule: 'fast-forward', events: [event] } };
}

/** Asked for by an operator, or before the furthest by zone or priority; a name alone is no preference. */
function isPreferred(
  candidate: Candidate,
  furthest: Candidate,
  { candidate: asked }: Failover,
  zones: readonly string[],
): boolean {
  if (asked === furthest.member.name) return false;
  return asked === candidate.member.name || comparePreference(candidate, furthest, zones) < 0;
}

/** Both run, on one timeline, and nothing but the end of it is missing. */
function canFetch(candidate: Candidate, { report, rank, position }: Candidate): boolean {
  const own = candidate.position;
  if (candidate.rank.generation !== rank.generation || own.timeline !== position.timeline) {
    return false;
  }
  // WAL beyond the fork of a later timeline is not the cluster's: that one is to be rewound.
  if (candidate.rank.lsn !== own.lsn || own.lsn >= position.lsn) return false;
  if (position.lsn - own.lsn > FAST_FORWARD_MAX_BYTES) return false;
  return candidate.report.postgres.kind === 'standby' && report.postgres.kind === 'standby';
}

function whyNoLonger(
  input: DecisionInput,
  { instance, from, upTo }: NonNullable<Failover['fastForward']>,
): string | null {
  if (isSilent(input, instance)) return `${instance} is not heard any more`;
  if (isSilent(input, from)) return `${from} is not heard any more`;
  if (input.observations.sinceChangeMs < FAST_FORWARD_LIMIT_MS) return null;
  return `${instance} had not reached ${formatLsn(upTo.lsn)} after ${FAST_FORWARD_LIMIT_MS} ms`;
}

function eligible(verdicts: readonly Verdict[]): readonly Candidate[] {
  return verdicts.flatMap((each) => (each.kind === 'eligible' ? [each.candidate] : []));
}

function behind(verdicts: readonly Verdict[]): readonly Candidate[] {
  return verdicts.flatMap((each) => (each.kind === 'refused' ? (each.behind ?? []) : []));
}
