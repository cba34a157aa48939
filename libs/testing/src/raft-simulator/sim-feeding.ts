import type { LogIndex, MemberId, Message, RaftMachine } from '#libs/raft';
import { Violation } from './violation.ts';

type AppendRequest = Extract<Message, { type: 'appendRequest' }>;

/** A request that waited for the end of its turn may leave after a newer count has begun. */
const SLACK_REQUESTS = 1;

/** Since the leader last probed this peer. */
type Fed = {
  /** The last index of each request under way. */
  underWay: LogIndex[];
  matchIndex: LogIndex;
  /** Answers that brought progress. */
  answers: number;
};

/**
 * A leader that was refused sends one request, two after its answer, then four: a network that reorders
 * would otherwise turn each refusal into a resent window, and that into more refusals.
 */
export class SimFeeding {
  readonly #peers = new Map<MemberId, Fed>();

  constructor(private readonly self: MemberId) {}

  /** Around each answer that the machine takes. */
  look(machine: RaftMachine, id: MemberId): void {
    const peer = machine.status().peers.find((known) => known.id === id);
    if (peer === undefined || peer.state === 'probe') {
      this.#peers.set(id, { underWay: [], matchIndex: peer?.matchIndex ?? 0, answers: 0 });
      return;
    }
    const fed = this.#of(id);
    if (peer.state === 'snapshot') fed.underWay = [];
    if (peer.matchIndex <= fed.matchIndex) return;
    fed.matchIndex = peer.matchIndex;
    fed.answers += 1;
    fed.underWay = fed.underWay.filter((last) => last > peer.matchIndex);
  }

  sent(machine: RaftMachine, { to, entries }: AppendRequest): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const { peers, term } = machine.status();
    if (peers.find(({ id }) => id === to)?.state !== 'replicate') return;
    const fed = this.#of(to);
    if (last.index <= fed.matchIndex) return;
    fed.underWay.push(last.index);
    const { answers } = fed;
    if (fed.underWay.length <= 2 ** answers + SLACK_REQUESTS) return;
    throw new Violation('a leader that was refused sends a few requests, then more', {
      ...{ leader: this.self, to, term, answers },
      underWay: fed.underWay.length,
    });
  }

  #of(id: MemberId): Fed {
    let fed = this.#peers.get(id);
    if (fed === undefined) {
      fed = { underWay: [], matchIndex: 0, answers: 0 };
      this.#peers.set(id, fed);
    }
    return fed;
  }
}
