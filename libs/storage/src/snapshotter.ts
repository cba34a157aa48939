import { messageOf } from '#libs/kernel';
import { decodeMembership } from '#libs/protocol';
import type { LogIndex, MemberId, Message, RaftMachine, SnapshotMeta, Term } from '#libs/raft';
import { SnapshotRejectedError } from './errors.ts';
import type { SnapshotReceiver } from './snapshot-receiver.ts';
import {
  NODE_TIMER,
  SNAPSHOT_PATIENCE,
  type SnapshotPatience,
  SnapshotSender,
  type SnapshotSource,
  type SnapshotTimer,
} from './snapshot-sender.ts';

type Chunk = Extract<Message, { type: 'snapshotChunk' }>;
type Ack = Extract<Message, { type: 'snapshotAck' }>;

type LogFields = Readonly<Record<string, string | number>>;
type Receiver = Pick<SnapshotReceiver, 'begin' | 'write' | 'seal' | 'discard'>;
/** What a transfer asks of the consensus machine and tells it. */
export type SnapshotMachine = Pick<RaftMachine, 'status' | 'onSnapshotSent' | 'onSnapshotReceived'>;

export type SnapshotterOptions = {
  readonly self: MemberId;
  readonly storage: SnapshotSource & { openSnapshotReceiver(): Receiver };
  readonly links: { send(message: Message): void };
  readonly log: Record<'info' | 'warn', (message: string, fields: LogFields) => void>;
  /** Runs an input of the machine inside the loop's guard. */
  readonly feed: (input: (raft: SnapshotMachine) => void) => void;
  readonly failed: (error: unknown) => void;
  readonly timer?: SnapshotTimer;
  readonly patience?: SnapshotPatience;
};

/** Chunks that wait for the disk; the sender has one on its way at a time. */
const CHUNKS_MAX = 8;

/** Sends snapshots to followers that are too far behind, and receives them, one at a time, beside the loop. */
export class Snapshotter {
  readonly #options: SnapshotterOptions;
  readonly #senders = new Map<MemberId, SnapshotSender>();
  readonly #chunks: Chunk[] = [];
  #receiver: Receiver | null = null;
  #receiving: { readonly index: LogIndex; readonly term: Term } | null = null;
  /** The newest term in which a leader sent a piece. */
  #leaderTerm: Term = 0;
  #installedIndex: LogIndex = 0;
  #working = false;
  #sealed: Chunk | null = null;
  readonly counts = { sent: 0, received: 0, failed: 0 };

  constructor(options: SnapshotterOptions) {
    this.#options = options;
  }

  /** A follower needs one: it is sent, then the machine is told how it ended. */
  send(to: MemberId, term: Term): void {
    if (this.#senders.has(to)) return;
    const { storage, links, self, feed, log, failed } = this.#options;
    const { timer = NODE_TIMER, patience = SNAPSHOT_PATIENCE } = this.#options;
    const sender = new SnapshotSender(
      {
        ...{ self, storage, timer, patience },
        send: (message) => links.send(message),
        leads: () => this.#leads(term),
        sent: (peer, outcome, index) => {
          this.#senders.delete(peer);
          this.counts[outcome === 'installed' ? 'sent' : 'failed'] += 1;
          log.info('snapshot sent', { to: peer, outcome, index });
          feed((raft) => raft.onSnapshotSent(peer, outcome, index));
        },
      },
      to,
      term,
    );
    this.#senders.set(to, sender);
    sender.run().catch(failed);
  }

  onAck(ack: Ack): void {
    this.#senders.get(ack.from)?.onAck(ack);
  }

  /**
   * A leader that was deposed while it sent goes unheard: its pieces and those of the next leader, of another
   * index, would throw each other's snapshot away without end.
   */
  onChunk(chunk: Chunk): void {
    if (chunk.term < this.#leaderTerm) return;
    this.#leaderTerm = chunk.term;
    if (this.#chunks.length >= CHUNKS_MAX) return;
    this.#chunks.push(chunk);
    if (this.#working) return;
    this.#working = true;
    this.#work().catch(this.#options.failed);
  }

  /** The received snapshot is in force here, up to this index. */
  onRestored(index: LogIndex): void {
    const chunk = this.#sealed;
    if (chunk === null || chunk.index !== index) return;
    this.#sealed = null;
    this.counts.received += 1;
    this.#installed(chunk);
  }

  #leads(term: Term): boolean {
    let leads = false;
    this.#options.feed((raft) => {
      const now = raft.status();
      leads = now.role === 'leader' && now.term === term;
    });
    return leads;
  }

  #installed(chunk: Chunk): void {
    this.#installedIndex = chunk.index;
    this.#answer(chunk, 'installed', 0);
  }

  async #work(): Promise<void> {
    for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
      await this.#take(chunk);
    }
    this.#working = false;
  }

  async #take(chunk: Chunk): Promise<void> {
    const meta = metaOf(chunk);
    if (meta === null || this.#sealed !== null) return;
    if (meta.index === this.#installedIndex) {
      // The answer was lost, and the piece came again.
      this.#installed(chunk);
      return;
    }
    this.#receiver ??= this.#options.storage.openSnapshotReceiver();
    const same = this.#receiving?.index === meta.index && this.#receiving.term === meta.term;
    if (!same) {
      const storedBytes = await this.#receiver.begin(meta);
      this.#receiving = { index: meta.index, term: meta.term };
      if (storedBytes > chunk.offset + chunk.bytes.length) {
        this.#answer(chunk, 'more', storedBytes);
        return;
      }
    }
    const storedBytes = await this.#receiver.write(chunk.offset, chunk.bytes);
    const complete = chunk.last && storedBytes === chunk.offset + chunk.bytes.length;
    if (complete && chunk.sha256 !== null) await this.#seal(this.#receiver, chunk, chunk.sha256);
    else this.#answer(chunk, 'more', storedBytes);
  }

  async #seal(receiver: Receiver, chunk: Chunk, sha256: Uint8Array): Promise<void> {
    this.#receiving = null;
    try {
      const meta = await receiver.seal(sha256);
      this.#sealed = chunk;
      this.#options.feed((raft) => {
        if (raft.onSnapshotReceived(meta, chunk.from, chunk.term)) return;
        this.#giveUp(receiver, chunk).catch(this.#options.failed);
      });
    } catch (error) {
      if (!(error instanceof SnapshotRejectedError)) throw error;
      this.#options.log.warn('snapshot rejected', { reason: messageOf(error) });
      this.#answer(chunk, 'refused', 0);
    }
  }

  /** Older than what is here: as good as installed. The state that was written beside the present one goes. */
  async #giveUp(receiver: Receiver, chunk: Chunk): Promise<void> {
    await receiver.discard();
    this.#sealed = null;
    this.#installed(chunk);
  }

  #answer(chunk: Chunk, outcome: Ack['outcome'], storedBytes: number): void {
    const { self, links } = this.#options;
    const { from: to, term, index } = chunk;
    links.send({ type: 'snapshotAck', from: self, to, term, index, storedBytes, outcome });
  }
}

function metaOf(chunk: Chunk): SnapshotMeta | null {
  if (chunk.membership === null) return null;
  const membership = decodeMembership(chunk.membership);
  return { index: chunk.index, term: chunk.snapshotTerm, membership };
}
