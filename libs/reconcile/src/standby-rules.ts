import { type Endpoint, type MemberRecord, remoteText } from '#libs/cluster';
import type { ConditionOf, ObservedCondition } from './condition.ts';
import { type Divergence, divergenceOf, divergenceOfFollower } from './divergence.ts';
import type { ActedMemory } from './memory.ts';
import {
  await_,
  grantUnknownTo,
  holdReady,
  type Rules,
  reportOnly,
  rest,
  restartOrdered,
  stopFast,
  stopForeign,
  stopNow,
} from './rules.ts';
import type { GoalOf, Step } from './step.ts';

type StandbyGoal = GoalOf<'standby'>;

/** Towards "stream from `upstream`". Divergence is decided here, before anything is started. */
export const standbyRules: Rules<'standby'> = {
  empty: (goal, _condition, memory) =>
    promised(goal, memory) ?? rebuildOver(goal, 'nothing', 'its data directory is empty'),
  unfinished: (goal, { work }, memory) =>
    promised(goal, memory) ?? rebuildOver(goal, 'unfinished', `${work} did not end here`),
  unusable: (_goal, { why }) => reportOnly(why),
  stopped: fromStopped,
  starting: (goal, condition, memory) => {
    if (condition.as === 'primary') return stopNow('another instance is primary');
    if (isOrdered(goal, condition)) return stopFast('its data is to be built anew');
    return redirect(goal, condition, memory) ?? await_('starting as standby');
  },
  stopping: () => await_('PostgreSQL is stopping'),
  standby: fromStandby,
  primary: (goal, { timeline }) => stopNow(whyNotPrimary(goal, timeline)),
  foreign: stopForeign,
  unresponsive: (_goal, { why }) => reportOnly(`PostgreSQL does not answer: ${why}`),
};

function fromStopped(
  goal: StandbyGoal,
  condition: ConditionOf<'stopped'>,
  memory: ActedMemory,
): Step {
  const { guard } = condition;
  const later = grantUnknownTo(goal.epoch, guard.epoch);
  if (later !== null) return later;
  if (guard.epoch !== null) {
    const why = 'PostgreSQL is down and another instance is primary';
    return { kind: 'release', epoch: guard.epoch, reason: 'postgres-down', why };
  }
  const refusal = promised(goal, memory);
  if (refusal !== null) return refusal;
  if (isOrdered(goal, condition)) return rebuildOver(goal, 'instance', 'ordered');
  if (condition.unstartable !== undefined) {
    return rebuildOver(goal, 'instance', condition.unstartable);
  }
  const divergence = divergenceFrom(goal, condition);
  const { upstream } = goal;
  switch (divergence.kind) {
    case 'none':
      return { kind: 'startStandby', upstream, ...archiveOnly(goal), why: whom(goal) };
    case 'unknown':
      return { kind: 'examine', why: divergence.why };
    case 'forked':
      return rewindOrRebuild(goal, condition, divergence.why);
    case 'impostor':
      return rebuildOver(goal, 'instance', divergence.why);
  }
}

function fromStandby(
  goal: StandbyGoal,
  condition: ConditionOf<'standby'>,
  memory: ActedMemory,
): Step {
  const { walGone } = condition;
  const refusal = promised(goal, memory);
  if (refusal !== null) return refusal;
  if (isOrdered(goal, condition)) return stopFast('its data is to be built anew');
  const divergence = divergenceFrom(goal, condition);
  if (divergence.kind === 'forked' || divergence.kind === 'impostor') {
    if (mayBeOnALaterOne(condition, divergence)) return whileUnsure(goal, condition, memory);
    return stopFast(divergence.why);
  }
  const step = redirect(goal, condition, memory) ?? holdReady(goal, condition);
  if (step !== null) return step;
  const restart = restartOrdered(goal, condition);
  if (restart !== null) return restart;
  if (walGone != null) return { kind: 'needsRebuild', why: walGone };
  return rest(`standby: ${whom(goal)}`);
}

/** Until its receiver or its WAL tells, one that followed a promotion looks like one that went beyond it. */
function mayBeOnALaterOne(
  { timelineAtLeast, own }: ConditionOf<'standby'>,
  divergence: Divergence,
): boolean {
  const seemsBeyond =
    divergence.kind === 'forked' && divergence.commonEnd.timeline === own.timeline;
  return timelineAtLeast === true && seemsBeyond;
}

/** It may ask for WAL meanwhile: a primary gives none to whoever left its line. */
function whileUnsure(
  goal: StandbyGoal,
  condition: ConditionOf<'standby'>,
  memory: ActedMemory,
): Step {
  return redirect(goal, condition, memory) ?? await_('the timeline of its WAL is not known yet');
}

/** The log is where an operator who promoted it by hand finds out why it was ended. */
function whyNotPrimary({ history, epoch }: StandbyGoal, timeline: number): string {
  const known = history.some((record) => record.timeline === timeline);
  if (known) return 'another instance is primary';
  return `it writes on timeline ${timeline}, which is none of the cluster's (promoted by hand?); another is primary of epoch ${epoch}`;
}

/** What the remote primary itself says of its timelines counts before what the events have of them. */
function divergenceFrom(
  { history, mayBeAhead, remote }: StandbyGoal,
  { own, walEnd, remoteLine }: ConditionOf<'stopped' | 'standby'>,
): Divergence {
  if (remote !== undefined && remoteLine != null) return divergenceOf(own, walEnd, remoteLine);
  return mayBeAhead === true
    ? divergenceOfFollower(own, walEnd, history)
    : divergenceOf(own, walEnd, history);
}

/** Null when PostgreSQL is told the right upstream already. */
function redirect(
  goal: StandbyGoal,
  { upstream: now, restores = true }: ConditionOf<'standby' | 'starting'>,
  memory: ActedMemory,
): Step | null {
  const right =
    goal.archiveOnly === true
      ? now === null && restores
      : now !== null && goal.upstream !== null && sameEndpoint(now, goal.upstream.postgres);
  if (right) return null;
  const refusal = promised(goal, memory);
  if (refusal !== null) return refusal;
  return { kind: 'follow', upstream: goal.upstream, ...archiveOnly(goal), why: whom(goal) };
}

function archiveOnly(goal: StandbyGoal): { readonly archiveOnly?: true } {
  return goal.archiveOnly === true ? { archiveOnly: true } : {};
}

function whom({ upstream, source, remote, archiveOnly: archive }: StandbyGoal): string {
  if (remote !== undefined) return `follows ${remoteText(remote)}, outside of the cluster`;
  if (archive === true) return 'fed by the archive alone';
  const name = nameOf(upstream);
  return source === undefined ? `follows ${name}` : `follows ${name}, which follows ${source.name}`;
}

/**
 * A promise not to receive from a primary of an epoch holds until a later one serves (safety 4), or until
 * the failover that it was given for is given up while that epoch is still held (safety 5).
 */
function promised(goal: StandbyGoal, memory: ActedMemory): Step | null {
  if (memory.detachedThroughEpoch < goal.epoch || goal.promiseReleased) return null;
  const { upstream, epoch } = goal;
  return reportOnly(
    `promised to receive from no primary of an epoch up to ${memory.detachedThroughEpoch}, ` +
      `and ${nameOf(upstream)} serves epoch ${epoch}`,
  );
}

/** What an order asks for was not done here yet. */
function isOrdered({ rebuild }: StandbyGoal, condition: ObservedCondition): boolean {
  return rebuild !== null && condition.rebuiltOrder !== rebuild.order;
}

function rewindOrRebuild(
  goal: StandbyGoal,
  { rewindFailed, remoteLine }: ConditionOf<'stopped'>,
  why: string,
): Step {
  const { methods, source = goal.upstream } = goal;
  const upstream = goal.rewindFrom ?? source;
  const timeline = remoteLine?.at(-1)?.timeline ?? goal.timeline;
  if (rewindFailed != null) {
    return rebuildOver(goal, 'instance', `${why}; pg_rewind failed: ${rewindFailed}`);
  }
  if (upstream !== null && methods.includes('pg_rewind')) {
    return { kind: 'rewind', upstream, timeline, why };
  }
  return rebuildOver(goal, 'instance', why);
}

/** Only as ordered: without an order the leader is asked for one. */
function rebuildOver(
  { rebuild, upstream: follows, source, timeline }: StandbyGoal,
  replaces: 'nothing' | 'unfinished' | 'instance',
  why: string,
): Step {
  if (rebuild === null) return { kind: 'needsRebuild', why };
  const upstream = source ?? follows;
  return { kind: 'rebuild', order: rebuild, upstream, timeline, replaces, why };
}

function nameOf(upstream: MemberRecord | null): string {
  return upstream === null ? 'the archive' : upstream.name;
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.host === b.host && a.port === b.port;
}
