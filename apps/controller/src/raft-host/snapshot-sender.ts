import { encodeMembership } from '#libs/protocol';
import type { MemberId, Message, Term } from '#libs/raft';
import type { ReplicaStore, SnapshotPiece, StateSnapshot } from '#libs/storage';

type Ack = Extract<Message, { type: 'snapshotAck' }>;

/** A receiver that says nothing for so long is given up; the machine asks again later. */
const ACK_LIMIT_MS = 10_000;

export type SenderPorts = {
  readonly self: MemberId;
  readonly storage: Pick<ReplicaStore, 'openStateSnapshot'>;
  send(message: Message): void;
  sent(to: MemberId, outcome: 'installed' | 'failed', index: number): void;
};

/** Sends the state to one follower, a piece at a time, from where the follower says that it stands. */
export class SnapshotSender {
  readonly #ports: SenderPorts;
  readonly #to: MemberId;
  readonly #term: Term;
  readonly #snapshot: StateSnapshot;
  #answer: ((ack: Ack | null) => void) | null = null;

  constructor(ports: SenderPorts, to: MemberId, term: Term) {
    this.#ports = ports;
    this.#to = to;
    this.#term = term;
    this.#snapshot = ports.storage.openStateSnapshot();
  }

  onAck(ack: Ack): void {
    if (ack.index === this.#snapshot.meta.index) this.#answer?.(ack);
  }

  /** Never rejects for the follower's sake; rejects when the own storage cannot be read. */
  async run(): Promise<void> {
    let outcome: 'installed' | 'failed' = 'failed';
    try {
      outcome = await this.#sendAll();
    } finally {
      await this.#snapshot.close();
      this.#ports.sent(this.#to, outcome, this.#snapshot.meta.index);
    }
  }

  async #sendAll(): Promise<'installed' | 'failed'> {
    let offset = 0;
    for (;;) {
      let resumedAt: number | null = null;
      for await (const piece of this.#snapshot.pieces(offset)) {
        const ack = await this.#exchange(piece);
        if (ack === null || ack.outcome === 'refused') return 'failed';
        if (ack.outcome === 'installed') return 'installed';
        const expected = piece.offset + piece.bytes.length;
        if (ack.storedBytes !== expected) {
          resumedAt = ack.storedBytes;
          break;
        }
        if (piece.last) return 'failed';
      }
      if (resumedAt === null) return 'failed';
      offset = resumedAt;
    }
  }

  #exchange(piece: SnapshotPiece): Promise<Ack | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(null), ACK_LIMIT_MS);
      const settle = (ack: Ack | null): void => {
        clearTimeout(timer);
        this.#answer = null;
        resolve(ack);
      };
      this.#answer = settle;
      const { meta } = this.#snapshot;
      this.#ports.send({
        type: 'snapshotChunk',
        from: this.#ports.self,
        to: this.#to,
        term: this.#term,
        index: meta.index,
        snapshotTerm: meta.term,
        membership: encodeMembership(meta.membership),
        offset: piece.offset,
        bytes: piece.bytes,
        last: piece.last,
        sha256: piece.sha256,
      });
    });
  }
}
