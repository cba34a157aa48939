import { randomBytes } from 'node:crypto';
import { PROBLEM_STATUS, type ProblemCode } from '#libs/api';
import { unreachable } from '#libs/kernel';
import type { MemberId } from '#libs/raft';
import type { HttpMessage } from '../controller-core.ts';
import type { PeerNetwork } from '../links/peer-network.ts';

export type RelayedRequest = {
  readonly method: string;
  readonly url: string;
  readonly operator: string | null;
  readonly body: Uint8Array;
};
export type RelayedAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
};

/** Why there is no answer: `full` and `notSent` say that the leader was not asked. */
export type Unanswered = 'full' | 'notSent' | 'silent';

/** The leader answers within this, or the client is told that the outcome is not known. */
const ANSWER_LIMIT_MS = 5_000;
/** Requests that wait for the leader's answer at once. */
export const RELAYED_MAX = 1_000;
const NO_LEADER_STATUS = PROBLEM_STATUS.NO_LEADER;
const ATTEMPTS_MAX = 10;
const ATTEMPT_PAUSE_MS = 50;

/** Runs a relayed request on the leader as if it had come to its own port. */
export type RunHere = (request: RelayedRequest) => Promise<RelayedAnswer>;

/**
 * Any controller takes any request: a follower passes what only the leader can answer over its link to
 * the leader. The operator's name goes with it, checked by the follower from the certificate.
 */
export class LeaderRelay {
  /** Marks requests that came over a link; known to this process only. */
  readonly token = randomBytes(16).toString('hex');
  readonly #pending = new Map<number, (answer: RelayedAnswer | Unanswered) => void>();
  #lastId = 0;
  runHere: RunHere | null = null;

  constructor(readonly network: Pick<PeerNetwork, 'tell'>) {}

  /** `silent` when the leader was asked and did not answer in time. */
  ask(leader: MemberId, request: RelayedRequest): Promise<RelayedAnswer | Unanswered> {
    if (this.#pending.size >= RELAYED_MAX) return Promise.resolve('full');
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle('silent'), ANSWER_LIMIT_MS);
      const settle = (answer: RelayedAnswer | Unanswered): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(answer);
      };
      this.#pending.set(id, settle);
      if (!this.network.tell(leader, { type: 'httpRequest', id, ...request })) settle('notSent');
    });
  }

  /** As `ask`, of a member that is just becoming leader and may refuse for a moment. */
  async askServing(leader: MemberId, request: RelayedRequest): Promise<RelayedAnswer | Unanswered> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.ask(leader, request);
      if (typeof answer === 'string' || answer.status !== NO_LEADER_STATUS) return answer;
      if (attempt === ATTEMPTS_MAX) return answer;
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_PAUSE_MS));
    }
  }

  onMessage(message: HttpMessage, from: MemberId): void {
    if (message.type === 'httpAnswer') {
      const { status, contentType, body } = message;
      this.#pending.get(message.id)?.({ status, contentType, body });
      return;
    }
    const { id, method, url, operator, body } = message;
    this.runHere?.({ method, url, operator, body }).then(
      (answer) => this.network.tell(from, { type: 'httpAnswer', id, ...answer }),
      // The asker's own limit ends its wait; there is nothing better to tell it.
      () => undefined,
    );
  }
}

/** What an order that was not answered means for whoever gave it. */
export function problemOfUnanswered(
  why: Unanswered,
  leader: string,
): { readonly code: ProblemCode; readonly detail: string } {
  switch (why) {
    case 'full':
      return {
        code: 'QUEUE_FULL',
        detail:
          `${RELAYED_MAX} requests wait here for the leader's answer, which is the limit; nothing was ` +
          `ordered: try again later, or ask the leader '${leader}' itself`,
      };
    case 'notSent':
      return {
        code: 'NO_LEADER',
        detail: `the leader '${leader}' is not connected here; nothing was ordered: try again`,
      };
    case 'silent':
      return {
        code: 'OUTCOME_UNKNOWN',
        detail: `the leader '${leader}' did not answer within ${ANSWER_LIMIT_MS} ms: see the events`,
      };
    default:
      return unreachable(why);
  }
}
