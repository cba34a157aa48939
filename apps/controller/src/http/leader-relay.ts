import { randomBytes } from 'node:crypto';
import { PROBLEM_STATUS } from '#libs/api';
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

/** The leader answers within this, or the client is told that the outcome is not known. */
const ANSWER_LIMIT_MS = 5_000;
const PENDING_MAX = 1_000;
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
  readonly #pending = new Map<number, (answer: RelayedAnswer | null) => void>();
  #lastId = 0;
  runHere: RunHere | null = null;

  constructor(readonly network: PeerNetwork) {}

  /** Null when the leader could not be reached, or did not answer in time. */
  ask(leader: MemberId, request: RelayedRequest): Promise<RelayedAnswer | null> {
    if (this.#pending.size >= PENDING_MAX) return Promise.resolve(null);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(null), ANSWER_LIMIT_MS);
      const settle = (answer: RelayedAnswer | null): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(answer);
      };
      this.#pending.set(id, settle);
      if (!this.network.tell(leader, { type: 'httpRequest', id, ...request })) settle(null);
    });
  }

  /** As `ask`, of a member that is just becoming leader and may refuse for a moment. */
  async askServing(leader: MemberId, request: RelayedRequest): Promise<RelayedAnswer | null> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.ask(leader, request);
      if (answer?.status !== NO_LEADER_STATUS || attempt === ATTEMPTS_MAX) return answer;
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
