import type { ConditionOf, ObservedCondition } from './condition.ts';
import {
  await_,
  grantUnknownTo,
  holdReady,
  type Rules,
  reportOnly,
  rest,
  stopFast,
  stopForeign,
  stopNow,
} from './rules.ts';
import type { GoalOf, Step } from './step.ts';

/** Towards "stay as it is". Only what has no right to run is ended. */
export const waitRules: Rules<'wait'> = {
  empty: ({ why }) => rest(why),
  unfinished: ({ why }) => rest(why),
  unusable: (_goal, { why }) => reportOnly(why),
  stopped: ({ why, throughEpoch }, { guard, walEnd }) => {
    // Whose data is taken over is decided by how far it goes.
    const unread = throughEpoch === 0 && walEnd === null;
    if (guard.epoch === null) return unread ? { kind: 'examine', why } : rest(why);
    const later = grantUnknownTo(throughEpoch, guard.epoch);
    if (later !== null) return later;
    return { kind: 'release', epoch: guard.epoch, reason: 'postgres-down', why };
  },
  starting: ({ why }) => rest(why),
  stopping: ({ why }) => rest(why),
  standby: ({ why }) => rest(why),
  primary: ({ why }, { guard }) =>
    guard.epoch === null ? stopNow(`it serves without a lease; ${why}`) : rest(why),
  foreign: (_goal, { pid }) => reportOnly(`process ${pid} was not started by our guard`),
  unresponsive: (_goal, { why }) => reportOnly(`PostgreSQL does not answer: ${why}`),
};

/** Towards "the cluster's first data directory exists". */
export const initialiseRules: Rules<'initialise'> = {
  empty: () => ({ kind: 'initialise', why: 'the first instance of the cluster' }),
  // Complete before it is put in place: the step goes on with that, and refuses anything else.
  unfinished: (_goal, { work }) => ({ kind: 'initialise', why: `${work} did not end here` }),
  unusable: (_goal, { why }) => reportOnly(why),
  stopped: () => rest('initialised'),
  starting: () => rest('initialised'),
  stopping: () => rest('initialised'),
  standby: () => rest('initialised'),
  primary: (_goal, { guard }) =>
    guard.epoch === null ? stopNow('it serves without a lease') : rest('initialised'),
  foreign: stopForeign,
  unresponsive: (_goal, { why }) => reportOnly(`PostgreSQL does not answer: ${why}`),
};

/** Towards "receive from no primary of an epoch up to `throughEpoch`, and say how far WAL goes". */
export const detachedRules: Rules<'detached'> = {
  empty: (goal, condition) => putBack(goal, condition) ?? reportOnly('there is no data directory'),
  unfinished: (goal, condition) =>
    putBack(goal, condition) ?? reportOnly(`${condition.work} did not end here`),
  unusable: (_goal, { why }) => reportOnly(why),
  stopped: (goal, condition) => {
    const { epoch } = condition.guard;
    const later = grantUnknownTo(goal.throughEpoch, epoch);
    if (later !== null) return later;
    if (epoch !== null) {
      const why = `epoch ${goal.throughEpoch} is over and PostgreSQL is down`;
      return { kind: 'release', epoch, reason: 'postgres-down', why };
    }
    const back = putBack(goal, condition);
    if (back !== null) return back;
    if (othersGoFirst(goal, condition)) return rest('another instance is chosen first');
    const start: Step = {
      kind: 'startStandby',
      upstream: null,
      why: 'detached; started so that it can be promoted',
    };
    return detachUnlessProved(goal, condition, start);
  },
  starting: (goal, condition) => {
    if (condition.as === 'primary') return stopNow(`epoch ${goal.throughEpoch} is over`);
    if (putBack(goal, condition) !== null) return stopNow(MAKES_PLACE);
    return detachUnlessProved(goal, condition, await_('starting, detached'));
  },
  stopping: () => await_('PostgreSQL is stopping'),
  standby: (goal, condition) => {
    if (putBack(goal, condition) !== null) return stopFast(MAKES_PLACE);
    return detachUnlessProved(
      goal,
      condition,
      holdReady(goal, condition) ?? fetchMissing(goal, condition) ?? rest('detached'),
    );
  },
  primary: (goal) => stopNow(`epoch ${goal.throughEpoch} is over`),
  foreign: stopForeign,
  unresponsive: (goal, condition) => {
    if (putBack(goal, condition) !== null) return stopNow(MAKES_PLACE);
    return detachUnlessProved(goal, condition, reportOnly(`does not answer: ${condition.why}`));
  },
};

const MAKES_PLACE = 'the copy that lies aside is to take its place';

/** An operator's word; nothing of it is left to do once no copy lies aside. */
function putBack({ copyAside }: GoalOf<'detached'>, condition: ObservedCondition): Step | null {
  if (copyAside !== true || condition.copyAside !== true) return null;
  return { kind: 'putBack', why: 'an operator ordered it: nobody else can serve' };
}

/** As long as a failover takes that comes to its end; to be in its way would only make it longer. */
const OTHERS_FIRST_MS = 500;

/**
 * A primary that has just failed is needed as a candidate only where nobody else can serve. Its WAL is read,
 * and it is started, when that has shown; where somebody serves by then it follows at once.
 */
function othersGoFirst(
  { passedOver }: GoalOf<'detached'>,
  { downForMs }: ConditionOf<'stopped'>,
): boolean {
  return passedOver === true && downForMs !== undefined && downForMs < OTHERS_FIRST_MS;
}

/** Only what it proved itself to have counts: what it was told to fetch it may have had all along. */
function fetchMissing(
  { fetch, throughEpoch }: GoalOf<'detached'>,
  { detached }: ObservedCondition,
): Step | null {
  if (fetch === undefined || detached === null) return null;
  const { from, upTo } = fetch;
  const { timeline, lsn } = detached.position;
  if (timeline !== upTo.timeline || lsn >= upTo.lsn) return null;
  const why = `preferred, and ${from.name} has more`;
  return { kind: 'fastForward', from, upTo, throughEpoch, why };
}

function detachUnlessProved(
  { throughEpoch }: GoalOf<'detached'>,
  { detached }: ObservedCondition,
  proved: Step,
): Step {
  if (detached !== null && detached.throughEpoch >= throughEpoch) return proved;
  const why = `a failover from epoch ${throughEpoch} is under way`;
  return { kind: 'detach', throughEpoch, why };
}
