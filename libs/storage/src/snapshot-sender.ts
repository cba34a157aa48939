import { encodeMembership } from '#libs/protocol';
import type { MemberId, Message, Term } from '#libs/raft';
import type { SnapshotPiece, StateSnapshot } from './state-snapshot.ts';

type Ack = Extract<Message, { type: 'snapshotAck' }>;

export type SnapshotPatience = {
  /** A piece that went down with its link, or whose answer did, leaves again. */
  readonly resendAfterMs: number;
  /**
   * A receiver that says nothing for so long is given up; the machine asks again later. The next snapshot is of
   * another index and begins at its first byte, so a link that comes back, or a receiver that restarts, is
   * waited for.
   */
  readonly silenceLimitMs: number;
};

export const SNAPSHOT_PATIENCE: SnapshotPatience = { resendAfterMs: 3_000, silenceLimitMs: 60_000 };

/** Calls again and again, until what it returns is called. */
export type SnapshotTimer = (everyMs: number, run: () => void) => () => void;

export const NODE_TIMER: SnapshotTimer = (everyMs, run) => {
  const timer = setInterval(run, everyMs);
  return () => clearInterval(timer);
};

/** Gives the state as it is now, frozen. */
export type SnapshotSource = {
  openStateSnapshot(): Pick<StateSnapshot, 'meta' | 'pieces' | 'close'>;
};

export type SenderPorts = {
  readonly self: MemberId;
  readonly storage: SnapshotSource;
  readonly timer: SnapshotTimer;
  readonly patience: SnapshotPatience;
  send(message: Message): void;
  /** This member still leads the term in which it began. */
  leads(): boolean;
  sent(to: MemberId, outcome: 'installed' | 'failed', index: number): void;
};

/** Sends the state to one follower, a piece at a time, from where the follower says that it stands. */
export class SnapshotSender {
  readonly #ports: SenderPorts;
  readonly #to: MemberId;
  readonly #term: Term;
  readonly #snapshot: ReturnType<SnapshotSource['openStateSnapshot']>;
  #answer: ((ack: Ack) => void) | null = null;

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
        if (!this.#ports.leads()) return 'failed';
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

  /** Sends a piece until it is answered; null when the receiver is given up. */
  #exchange(piece: SnapshotPiece): Promise<Ack | null> {
    return new Promise((resolve) => {
      const { resendAfterMs, silenceLimitMs } = this.#ports.patience;
      let silentMs = 0;
      const stop = this.#ports.timer(resendAfterMs, () => {
        silentMs += resendAfterMs;
        if (silentMs >= silenceLimitMs || !this.#ports.leads()) settle(null);
        else this.#send(piece);
      });
      const settle = (ack: Ack | null): void => {
        stop();
        this.#answer = null;
        resolve(ack);
      };
      this.#answer = (ack) => {
        // Everything before this piece is there: an answer to the one before, which had left twice.
        const older = ack.outcome === 'more' && ack.storedBytes === piece.offset;
        if (!older || piece.bytes.length === 0) settle(ack);
      };
      this.#send(piece);
    });
  }

  #send(piece: SnapshotPiece): void {
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
  }
}
