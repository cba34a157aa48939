import type { Applied } from '#libs/event-store';
import { assert } from '#libs/kernel';
import type { LogIndex, MemberId, Term } from '#libs/raft';

export type ProposalLoss = {
  readonly code: 'NOT_LEADER' | 'OVERLOADED' | 'LEADERSHIP_LOST';
  readonly outcome: 'notApplied' | 'unknown';
  readonly leader: MemberId | 0;
};

/** Whoever proposed; an object of its own per command, so that no closure is made on the hot path. */
export interface ProposalOwner {
  /** Committed, and applied here. The result is the same on every controller. */
  onApplied(index: LogIndex, applied: Applied): void;
  onLost(loss: ProposalLoss): void;
}

export type ProposalCounts = {
  readonly applied: number;
  /** Appended by a leader that lost its office: they may live on. */
  readonly lost: number;
  readonly refused: number;
};

export type Proposal = { readonly payload: Uint8Array; readonly owner: ProposalOwner };

/** Appended proposals that wait for their entry, in index order; all of one term. */
export class OutstandingProposals {
  #owners: (ProposalOwner | undefined)[] = [];
  #firstIndex: LogIndex = 1;
  #head = 0;
  #term: Term = 0;

  get size(): number {
    return this.#owners.length - this.#head;
  }

  add(index: LogIndex, term: Term, owner: ProposalOwner): void {
    if (this.size === 0) {
      this.#owners = [];
      this.#head = 0;
      this.#firstIndex = index;
      this.#term = term;
    }
    // Gaps are entries that the machine appended itself.
    while (this.#firstIndex + this.#owners.length < index) this.#owners.push(undefined);
    assert(term === this.#term, 'proposals of two terms never wait together', { term });
    this.#owners.push(owner);
  }

  /** The owner of the entry applied at `index`, when its term is that of the proposal. */
  take(index: LogIndex, term: Term): ProposalOwner | undefined {
    const at = index - this.#firstIndex;
    if (at < this.#head || at >= this.#owners.length) return undefined;
    const owner = this.#owners[at];
    this.#owners[at] = undefined;
    this.#head = at + 1;
    if (this.#head > 4_096) this.#trim();
    if (term === this.#term) return owner;
    owner?.onLost({ code: 'LEADERSHIP_LOST', outcome: 'unknown', leader: 0 });
    return undefined;
  }

  /** Leadership ended: whether these entries survive is up to the next leader. */
  loseAll(leader: MemberId | 0): void {
    const lost = this.#owners.slice(this.#head);
    this.#owners = [];
    this.#head = 0;
    const loss: ProposalLoss = { code: 'LEADERSHIP_LOST', outcome: 'unknown', leader };
    for (const owner of lost) owner?.onLost(loss);
  }

  #trim(): void {
    this.#owners = this.#owners.slice(this.#head);
    this.#firstIndex += this.#head;
    this.#head = 0;
  }
}
