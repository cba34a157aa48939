import { epoch, type TimelineId } from '#libs/kernel';
import type { Decision, DecisionInput } from '../../decision.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import type { Operation } from '../../state.ts';
import { keepsEveryCommit, synchronousOf } from '../../sync-set/standing-setting.ts';
import type { LastKnownPosition } from '../../wal-position.ts';
import { judgeAssured, settingOfCandidate } from '../candidates/assurance.ts';
import {
  type Candidate,
  compareCandidates,
  furtherKnown,
  judgeMembers,
  type Limits,
  type Verdict,
} from '../candidates/candidates.ts';
import { asideOffers, withoutUse } from '../candidates/copy-aside.ts';
import { promisedTo } from '../candidates/failsafe.ts';
import { bringForward } from '../candidates/fast-forward.ts';
import { renewsAgain } from '../candidates/fencers.ts';
import { nextTimeline } from '../candidates/timelines.ts';
import { refuse } from '../refusal.ts';
import { freshReport, hasHeardEnough } from '../sight.ts';
import { serves } from './holder.ts';
import { positionUnknown } from './position-unknown.ts';

/** How long a candidate that is heard, but has not proved itself detached, is waited for. */
const DETACH_WAIT_MS = 1_500;

type Failover = Extract<Operation, { kind: 'failover' }>;
type Chosen = Candidate & {
  readonly guard: NonNullable<Candidate['report']['guard']>['incarnation'];
  /** Nobody who may be chosen has more. */
  readonly furthest: boolean;
};

/** Before its lease has ended, a primary that serves again ends the saga (safety 5). */
export function abandonFailover(input: DecisionInput): Decision | null {
  const { lease, operation } = input.state;
  if (operation.kind !== 'failover' || operation.step === 'promoting') return null;
  const { trigger } = operation;
  if (trigger === 'primary-unreachable' && renewsAgain(input, operation.primary)) {
    const reason = `${operation.primary} renewed epoch ${operation.epoch} again`;
    return { rule: 'abandon-failover', events: [{ type: 'FailoverAborted', reason }] };
  }
  const promised = lease.kind === 'Held' ? promisedTo(input) : [];
  if (trigger === 'primary-unreachable' && promised.length > 0) {
    const reason = `${operation.primary} has promises of ${promised.join(', ')}: it serves on`;
    return { rule: 'abandon-failover', events: [{ type: 'FailoverAborted', reason }] };
  }
  if (operation.step !== 'yielding' || lease.kind !== 'Held') return null;
  if (trigger !== 'postgres-down' && trigger !== 'agent-absent') return null;
  const report = freshReport(input, lease.holder);
  if (report === null || !serves(report, lease)) return null;
  const reason = `${lease.holder} serves again in epoch ${lease.epoch}`;
  return { rule: 'abandon-failover', events: [{ type: 'FailoverAborted', reason }] };
}

/** Grants the next epoch to the furthest of those that are detached, or says why nobody can have it. */
export function chooseCandidate(input: DecisionInput): Decision | null {
  const { state } = input;
  const { lease, operation } = state;
  if (operation.kind !== 'failover' || operation.step !== 'detaching') return null;
  if (lease.kind === 'Held' || lease.kind === 'NeverGranted') return null;
  // What an operator ordered goes on in a pause.
  if (state.paused && operation.trigger !== 'operator') return null;
  const lost = lease.kind === 'Fenced' ? lease.holder : null;
  if (!hasHeardEnough(input, lost)) return null;
  const { acceptLoss, excluded, candidate: asked } = operation;
  if (keepsEveryCommit(state) && !acceptLoss) return chooseHolderOfAll(input, operation);
  // One that was granted an epoch in this outage may have written more since it began.
  const lastKnown = furtherKnown(operation.lastKnown, input.observations.lastKnown);
  const through = { throughEpoch: lease.epoch, lastKnown, acceptLoss };
  const limits = { ...through, excluded, asked, again: false, lastResort: false };
  const verdicts = judgeMembers(input, limits);
  const again = judgeMembers(input, { ...limits, again: true });
  const zones = state.settings.failoverZones;
  const waited = hasWaited(input);
  if (!waited && again.some((verdict) => verdict.kind === 'pending')) return null;
  const refusals = refusalsOf(verdicts);
  const unknownOf = (of: readonly Verdict[]) =>
    lastKnown === null ? positionUnknown(state, operation, of) : null;
  const last = [again, withFormerPrimary(input, limits, operation), withAll(input, limits)];
  const attempts = [verdicts, ...last].map((of) => ({
    of,
    chosen: choose(of, operation, zones),
    unknown: unknownOf(of),
  }));
  const [found] = attempts.flatMap((attempt) =>
    attempt.chosen !== null && attempt.unknown === null
      ? [{ of: attempt.of, chosen: attempt.chosen }]
      : [],
  );
  if (found === undefined) {
    const against = distinct([...refusals, ...last.flatMap(refusalsOf)]);
    const [first] = attempts;
    const unknown = first?.chosen === null ? null : (first?.unknown ?? null);
    const all = unknown === null ? against : [...against, unknown];
    return refuse(input, 'failover', [...all, ...lastResorts(input, limits, lastKnown)]);
  }
  return take(input, operation, found, refusals);
}

/**
 * Synchronous: somebody who has every acknowledged commit, as the arithmetic of the set relied on shows,
 * or the last primary itself. How far the primary had written says nothing: what no commit was
 * acknowledged for is no loss. Nobody else is waited for.
 */
function chooseHolderOfAll(input: DecisionInput, operation: Failover): Decision | null {
  const { state } = input;
  const { lease } = state;
  if (lease.kind === 'NeverGranted') return null;
  const { excluded, candidate: asked } = operation;
  const through = { throughEpoch: lease.epoch, lastKnown: null, acceptLoss: false };
  const limits = { ...through, excluded, asked, again: false, lastResort: false };
  const pending = (verdicts: readonly Verdict[]) =>
    !hasWaited(input) && verdicts.some((verdict) => verdict.kind === 'pending');
  const zones = state.settings.failoverZones;
  const refusals: RuleRefusal[] = [];
  // Whoever failed before, or is passed over, may still be the only one who has everything.
  const judged = [judgeMembers(input, limits), judgeMembers(input, { ...limits, again: true })];
  for (const verdicts of [...judged, withAll(input, limits)]) {
    const assured = judgeAssured(input, verdicts);
    const chosen = choose(assured, operation, zones);
    if (chosen !== null) {
      return take(input, operation, { of: assured, chosen }, refusalsOf(assured));
    }
    if (pending(assured)) return null;
    refusals.push(...refusalsOf(assured));
  }
  const { lastKnown } = operation;
  return refuse(input, 'failover', [
    ...distinct(refusals),
    ...lastResorts(input, limits, lastKnown),
  ]);
}

/** Nobody can serve: what lies aside is offered, where a member's own data does not do. */
function lastResorts(
  input: DecisionInput,
  limits: Limits,
  lastKnown: LastKnownPosition | null,
): RuleRefusal[] {
  return asideOffers(input, withoutUse(withAll(input, limits)), lastKnown);
}

/** Grants the next epoch, or first lets one that is preferred fetch what it lacks. */
function take(
  input: DecisionInput,
  operation: Failover,
  { of, chosen }: { readonly of: readonly Verdict[]; readonly chosen: Chosen },
  refusals: readonly RuleRefusal[],
): Decision | null {
  const turn = bringForward(input, operation, of, chosen, timingOf(input));
  return turn.kind === 'first' ? turn.decision : grantTo(input, chosen, refusals);
}

function grantTo(
  input: DecisionInput,
  chosen: Chosen,
  refusals: readonly RuleRefusal[],
): Decision | null {
  const { state } = input;
  const { lease } = state;
  if (lease.kind === 'NeverGranted') return null;
  const timeline = timelineFor(input, chosen);
  return {
    rule: 'grant-to-candidate',
    events: [
      {
        type: 'LeaseGranted',
        epoch: epoch(lease.epoch + 1),
        holder: chosen.member.name,
        guard: chosen.guard,
        timeline,
        reason: 'failover',
        refusals,
        position: chosen.position,
        ...synchronousOf(state, settingOfCandidate(state, chosen, timeline)),
        timing: timingOf(input),
      },
    ],
  };
}

/** The wait ended with the last proof that came, or went on for somebody who gave none. */
function timingOf({ observations: { sinceChangeMs, instances } }: DecisionInput) {
  const proofAges = Object.values(instances).flatMap(({ detachedAgeMs }) => detachedAgeMs ?? []);
  const chooseMs = Math.round(Math.min(sinceChangeMs, ...proofAges));
  return { detachMs: Math.round(sinceChangeMs) - chooseMs, chooseMs };
}

function hasWaited({ observations }: DecisionInput): boolean {
  return observations.sinceChangeMs >= DETACH_WAIT_MS;
}

/**
 * Nobody else can serve: the primary that could not be restarted or promoted in time, or that an operator
 * moved away from, may try again. Left out for good it would leave the cluster without any (safety 5).
 */
function withFormerPrimary(input: DecisionInput, limits: Limits, operation: Failover): Verdict[] {
  const excluded = limits.excluded.filter((name) => name !== operation.primary);
  return judgeMembers(input, { ...limits, excluded, again: true });
}

/** Whoever failed before in this outage is asked once more before nobody serves, the last primary whatever its tags. */
function withAll(input: DecisionInput, limits: Limits): Verdict[] {
  return judgeMembers(input, { ...limits, excluded: [], again: true, lastResort: true });
}

/** Of several attempts: what stands against each member, once. */
function distinct(refusals: readonly RuleRefusal[]): RuleRefusal[] {
  return refusals.filter(
    ({ instance, rule }, position) =>
      refusals.findIndex((each) => each.instance === instance && each.rule === rule) === position,
  );
}

function choose(
  verdicts: readonly Verdict[],
  operation: Failover,
  zones: readonly string[],
): Chosen | null {
  const eligible = verdicts
    .flatMap((verdict) => (verdict.kind === 'eligible' ? [verdict.candidate] : []))
    .sort((a, b) => compareCandidates(a, b, zones));
  const best = eligible[0];
  if (best === undefined) return null;
  const asked = eligible.find(({ member }) => member.name === operation.candidate);
  const level = asked !== undefined && isLevel(asked, best);
  const chosen = asked !== undefined && (level || operation.acceptLoss) ? asked : best;
  const guard = chosen.report.guard?.incarnation;
  return guard === undefined ? null : { ...chosen, guard, furthest: isLevel(chosen, best) };
}

function isLevel({ rank: a }: Candidate, { rank: b }: Candidate): boolean {
  return a.generation === b.generation && a.lsn === b.lsn;
}

/**
 * The old primary, when it is back and furthest, needs no promotion: it keeps the timeline that it
 * wrote: one that was granted a later one, and never promoted, did not write the present one. Everybody
 * else takes an id above every id ever given out (safety 3), and so does an old
 * primary that an operator prefers to one with more of that very timeline: two would write it.
 */
function timelineFor(input: DecisionInput, chosen: Chosen): TimelineId {
  const { state } = input;
  const present = state.history.at(-1)?.timeline;
  const { lease } = state;
  const wroteIt =
    lease.kind !== 'NeverGranted' &&
    lease.holder === chosen.member.name &&
    lease.timeline === present;
  const kept = wroteIt && chosen.furthest && chosen.report.postgres.kind === 'stopped';
  return kept && chosen.position.timeline === present ? present : nextTimeline(input);
}

function refusalsOf(verdicts: readonly Verdict[]): RuleRefusal[] {
  return verdicts.flatMap((verdict) => {
    if (verdict.kind === 'refused') return [verdict.refusal];
    if (verdict.kind === 'eligible') return [];
    const { instance } = verdict;
    return [{ instance, rule: 'not-detached', value: 'not proved', limit: `${DETACH_WAIT_MS} ms` }];
  });
}
