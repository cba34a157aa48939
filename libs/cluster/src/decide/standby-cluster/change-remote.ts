/** A cluster that follows another is told to follow a third one: its standby leader asks there before anything changes. */
import type { CommandDecision, Decision, DecisionInput } from '../../decision.ts';
import { type Following, type Remote, remoteText } from '../../remote/remote.ts';
import { refused } from '../refusal.ts';
import { freshReport } from '../sight.ts';

/** A host that drops what comes takes the connection's time limit, for each of its addresses. */
const ANSWER_LIMIT_MS = 30_000;

/** @param acceptUnknown an operator's word: nobody is asked */
export function decideFollow(
  { leader, asked }: Following,
  remote: Remote,
  acceptUnknown: boolean,
): CommandDecision {
  if (acceptUnknown) {
    const events = [{ type: 'RemoteChanged', remote }] as const;
    return { kind: 'decided', decision: { rule: 'operator-follow', events } };
  }
  if (asked !== undefined) {
    return refused(
      'busy',
      `${asked.by} asks ${remoteText(asked.remote)}`,
      'no other order under way',
    );
  }
  if (leader === null) {
    const limit = 'a standby leader, which asks there first, or --yes';
    return refused('no-standby-leader', `nobody could ask ${remoteText(remote)}`, limit);
  }
  const events = [{ type: 'RemoteChangeAsked', instance: leader, remote }] as const;
  return { kind: 'decided', decision: { rule: 'operator-follow', events } };
}

/** The remote changes when the leader could follow it; else, and without an answer, all stays as it is. */
export function changeRemote(input: DecisionInput): Decision | null {
  const asked = input.state.following?.asked;
  if (asked === undefined) return null;
  const { remote, by, at } = asked;
  const answer = freshReport(input, by)?.remoteAnswer ?? null;
  if (answer?.at === at) {
    if (answer.why !== null) return remoteRefused(`${by}: ${answer.why}`);
    return { rule: 'change-remote', events: [{ type: 'RemoteChanged', remote }] };
  }
  if (input.observations.sinceChangeMs <= ANSWER_LIMIT_MS) return null;
  return remoteRefused(
    `${by} did not say within ${ANSWER_LIMIT_MS} ms whether it can follow there`,
  );
}

function remoteRefused(why: string): Decision {
  const reason = `${why} (--yes follows it all the same)`;
  return { rule: 'refuse-remote', events: [{ type: 'RemoteChangeRefused', reason }] };
}
