import { BoundedQueue } from '#libs/kernel';
import type { LogIndex, MemberId, RaftMachine, Term } from '#libs/raft';
import {
  OutstandingProposals,
  type Proposal,
  type ProposalCounts,
  type ProposalLoss,
  type ProposalOwner,
} from './proposals.ts';
import type { TurnBudget } from './turn-budget.ts';

const WAITING_MAX = 16_384;

/** Proposals on their way: first they wait for a turn, then for their entry to be applied. */
export class ProposalIntake {
  readonly #waiting = new BoundedQueue<Proposal>('proposals', WAITING_MAX);
  readonly #outstanding = new OutstandingProposals();
  #applied = 0;
  #lost = 0;
  #refused = 0;

  constructor(readonly raft: RaftMachine) {}

  get waiting(): number {
    return this.#waiting.size;
  }

  get counts(): ProposalCounts {
    return { applied: this.#applied, lost: this.#lost, refused: this.#refused };
  }

  get size(): number {
    return this.#waiting.size + this.#outstanding.size;
  }

  /** False when there is no room: the client is told to try again later. */
  add(payload: Uint8Array, owner: ProposalOwner): boolean {
    if (this.#waiting.size >= WAITING_MAX) {
      this.#refused += 1;
      return false;
    }
    this.#waiting.push({ payload, owner });
    return true;
  }

  /** Hands what waits to the machine, as one run of entries. */
  propose(budget: TurnBudget): void {
    const payloads: Uint8Array[] = [];
    const owners: ProposalOwner[] = [];
    while (this.#waiting.size > 0 && budget.take()) {
      const proposal = this.#waiting.shift();
      if (proposal === undefined) break;
      payloads.push(proposal.payload);
      owners.push(proposal.owner);
    }
    if (payloads.length === 0) return;
    const result = this.raft.propose(payloads);
    if (result.accepted) {
      let index = result.firstIndex;
      for (const owner of owners) {
        this.#outstanding.add(index, result.term, owner);
        index += 1;
      }
      return;
    }
    const code = result.refusal === 'tooMuchUncommitted' ? 'OVERLOADED' : 'NOT_LEADER';
    const loss: ProposalLoss = { code, outcome: 'notApplied', leader: result.leader };
    this.#refused += owners.length;
    for (const owner of owners) owner.onLost(loss);
  }

  /** Whoever waits for the entry applied at `index`. */
  take(index: LogIndex, term: Term): ProposalOwner | undefined {
    const owner = this.#outstanding.take(index, term);
    if (owner !== undefined) this.#applied += 1;
    return owner;
  }

  /** Leadership ended: what was appended may survive, what was not proposed yet does not. */
  loseAll(leader: MemberId | 0): void {
    this.#lost += this.#outstanding.size;
    this.#refused += this.#waiting.size;
    this.#outstanding.loseAll(leader);
    const loss: ProposalLoss = { code: 'NOT_LEADER', outcome: 'notApplied', leader };
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.owner.onLost(loss);
    }
  }
}
