import type { MemberId, Message, RaftMachine, RaftStatus, Term } from '#libs/raft';
import { isQuorumOf } from './oracle.ts';
import { SimFeeding } from './sim-feeding.ts';
import { Violation } from './violation.ts';

/** Ticks by which a rule that counts in election timeouts may be late. */
const SLACK_TICKS = 3;

/** Watches the rules that a member keeps by itself: who leads on, who votes too early, how a peer is fed. */
export class SimWatch {
  #ticks = 0;
  #ledTerm: Term = 0;
  #ledSinceTick = 0;
  readonly #heardTick = new Map<MemberId, number>();
  readonly #feeding: SimFeeding;
  #mayVote = true;
  #leaderHeard: { readonly leader: MemberId; readonly term: Term; readonly tick: number } | null =
    null;

  constructor(
    private readonly self: MemberId,
    private readonly electionTicks: number,
  ) {
    this.#feeding = new SimFeeding(self);
  }

  sent(machine: RaftMachine, message: Message): void {
    if (message.type === 'appendRequest') this.#feeding.sent(machine, message);
  }

  /** Hands a message to the machine, between a look before and one after. */
  step(machine: RaftMachine, message: Message): void {
    if (message.type !== 'voteRequest' && message.type !== 'preVoteRequest') {
      const isAnswer = message.type === 'appendResponse';
      if (isAnswer) this.#feeding.look(machine, message.from);
      machine.step(message);
      if (isAnswer) this.#feeding.look(machine, message.from);
      this.#received(message, machine.status().term);
      return;
    }
    const { term, role } = machine.status();
    const byTransfer = message.type === 'voteRequest' && message.transfer;
    this.#asked(term, byTransfer || role !== 'follower');
    machine.step(message);
    const { vote, term: newTerm } = machine.status();
    if (newTerm > term && vote === message.from) this.#voted(message.from);
  }

  /** Before the member takes a request for its vote: does it hear a leader of its term? */
  #asked(term: Term, byTransfer: boolean): void {
    const heard = this.#leaderHeard;
    this.#mayVote =
      byTransfer ||
      heard === null ||
      heard.term !== term ||
      this.#ticks - heard.tick >= this.electionTicks - SLACK_TICKS;
  }

  /** After the member has taken the message, in the term it is in then. */
  #received(message: Message, term: Term): void {
    if (message.term !== term) return;
    if (message.type === 'heartbeatResponse' || message.type === 'appendResponse') {
      this.#heardTick.set(message.from, this.#ticks);
    }
    if (message.type === 'heartbeat' || message.type === 'appendRequest') {
      this.#leaderHeard = { leader: message.from, term, tick: this.#ticks };
    }
  }

  /** Its connections ended: from now on it is not heard. */
  gone(id: MemberId): void {
    if (this.#leaderHeard?.leader === id) this.#leaderHeard = null;
  }

  /** Nobody votes in a newer term while it hears a leader, but for a transfer. */
  #voted(candidate: MemberId): void {
    if (this.#mayVote) return;
    throw new Violation('a member that hears a leader does not vote', {
      voter: this.self,
      candidate,
    });
  }

  /** A leader without a quorum, or with a stuck disk, does not lead on. */
  tick({ role, term, membership }: RaftStatus, stalledTicks: number): void {
    this.#ticks += 1;
    if (role !== 'leader') return;
    if (term !== this.#ledTerm) {
      this.#ledTerm = term;
      this.#ledSinceTick = this.#ticks;
      this.#heardTick.clear();
    }
    const lateTicks = 2 * this.electionTicks + SLACK_TICKS;
    const ledTicks = this.#ticks - this.#ledSinceTick;
    const heard = (id: MemberId): boolean =>
      id === this.self || this.#ticks - (this.#heardTick.get(id) ?? 0) <= lateTicks;
    if (ledTicks > lateTicks && !isQuorumOf(membership, heard)) {
      throw new Violation('a leader that hears no quorum steps down', {
        leader: this.self,
        tick: this.#ticks,
        ledSinceTick: this.#ledSinceTick,
        heardTick: [...this.#heardTick],
        voters: membership.voters,
        outgoing: membership.outgoing,
      });
    }
    if (stalledTicks > 4 * this.electionTicks + SLACK_TICKS) {
      throw new Violation('a leader with a stuck disk steps down', {
        leader: this.self,
        stalledTicks,
      });
    }
  }
}
