import { directoryOf } from '#libs/protocol';
import type { LogIndex, MemberId, Message, RaftStatus, Term } from '#libs/raft';

/** What is known of a peer in the term that this controller leads. */
type Met = {
  readonly term: Term;
  incarnation: string;
  /** Whoever came before: what of theirs is still on its way says nothing of the present process. */
  readonly earlier: Set<string>;
  /** Earlier processes of this peer acknowledged the log up to here. */
  promisedIndex: LogIndex;
};

/**
 * Finds the member whose directory was put back to an older copy of itself, or whose disk did not keep what it
 * had synced: a process that was started since lacks what an earlier one acknowledged to this leader, in this
 * term. Nothing else can lead there: what was acknowledged is durable, and only a later leader takes it back.
 */
export class Acknowledgements {
  readonly #met = new Map<MemberId, Met>();

  constructor(private readonly status: () => RaftStatus) {}

  /** The log index up to which the sender's promises are broken by what it says; null when none is. */
  brokenBy(message: Message, incarnation: string): LogIndex | null {
    if (message.type !== 'appendResponse' && message.type !== 'heartbeatResponse') return null;
    const met = this.#met.get(message.from);
    if (met?.incarnation === incarnation && met.term === message.term) {
      const broken = isRefused(message, met.promisedIndex);
      return broken && this.#leads(message.term) ? met.promisedIndex : null;
    }
    if (directoryOf(incarnation) !== null) this.#meet(message, incarnation, met);
    return null;
  }

  #meet({ from, term }: Message, incarnation: string, before: Met | undefined): void {
    if (!this.#leads(term)) return;
    if (before === undefined || before.term !== term) {
      this.#met.set(from, { term, incarnation, earlier: new Set(), promisedIndex: 0 });
      return;
    }
    if (before.earlier.has(incarnation)) return;
    before.earlier.add(before.incarnation);
    before.incarnation = incarnation;
    const peer = this.status().peers.find(({ id }) => id === from);
    before.promisedIndex = peer?.matchIndex ?? 0;
  }

  #leads(term: Term): boolean {
    const now = this.status();
    return now.role === 'leader' && now.term === term;
  }
}

function isRefused(message: Message, promisedIndex: LogIndex): boolean {
  return (
    message.type === 'appendResponse' &&
    message.outcome === 'rejected' &&
    message.index <= promisedIndex
  );
}
