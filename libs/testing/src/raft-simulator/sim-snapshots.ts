import type { Prng } from '#libs/kernel';
import { encodeMembership } from '#libs/protocol';
import type { LogIndex, MemberId, Message } from '#libs/raft';
import { appliedBy, type SnapshotBody, type StableMedia } from './sim-disk.ts';
import type { SimStore } from './sim-store.ts';
import { SimTransfer } from './sim-transfer.ts';
import type { SnapshotPort } from './snapshot-port.ts';
import type { Swarm } from './swarm.ts';

type Chunk = Extract<Message, { type: 'snapshotChunk' }>;
type Ack = Extract<Message, { type: 'snapshotAck' }>;

/** A sender gives a receiver up after this long without an answer. */
const GIVE_UP_MS = 600;

/**
 * Takes, sends and receives snapshots as the host does. On the real storage code they go through the production
 * sender and receiver; on plain media one message stands for all the pieces.
 */
export class SimSnapshots {
  /** A received snapshot that the next batch will carry. */
  received: SnapshotBody | null = null;
  #running = false;
  readonly #transfer: SimTransfer | null;

  constructor(
    private readonly self: MemberId,
    private readonly media: StableMedia,
    private readonly prng: Prng,
    private readonly swarm: Swarm,
    private readonly port: SnapshotPort,
    private readonly store: SimStore | null,
  ) {
    this.#transfer =
      store === null ? null : new SimTransfer(self, store, port, swarm.snapshotPieceBytes);
  }

  /** A joiner that knows no membership yet takes none: its snapshot would lack the bootstrap. */
  maybeTake(): void {
    const body = this.port.applied().snapshot;
    if (this.#running || body.meta.membership.voters.length === 0) return;
    if (body.meta.index - this.media.snapshot.meta.index < this.swarm.snapshotEveryEntries) return;
    this.#running = true;
    this.port.later(this.prng.unit() * 20, () => {
      this.#running = false;
      this.port.input(() => this.#seal(body));
    });
  }

  send(to: MemberId): void {
    const { meta } = this.media.snapshot;
    if (this.#transfer !== null && meta.index > 0) {
      this.#transfer.send(to, this.port.term());
      return;
    }
    if (meta.index > 0) this.#sendWhole(to, this.media.snapshot);
    this.port.later(GIVE_UP_MS, () => {
      this.port.input(() => this.port.machine().onSnapshotSent(to, 'failed', meta.index));
    });
  }

  /** `takeBatch` must run at once: the machine's next batch belongs to this snapshot. */
  receive(chunk: Chunk, body: SnapshotBody, takeBatch: () => void): void {
    const installs = (taken: SnapshotBody): void => {
      this.received = taken;
      takeBatch();
    };
    if (this.#transfer !== null) this.#transfer.onChunk(chunk, body, installs);
    else this.#receivedWhole(chunk, body, installs);
  }

  answered(ack: Ack): void {
    if (this.#transfer !== null) this.#transfer.onAck(ack);
    else this.port.machine().onSnapshotSent(ack.from, 'installed', ack.index);
  }

  /** The received snapshot is in force. */
  restored(index: LogIndex): void {
    this.#transfer?.onRestored(index);
  }

  #sendWhole(to: MemberId, body: SnapshotBody): void {
    const { index, term: snapshotTerm, membership } = body.meta;
    const message: Message = {
      type: 'snapshotChunk',
      from: this.self,
      to,
      term: this.port.term(),
      index,
      snapshotTerm,
      membership: encodeMembership(membership),
      offset: 0,
      bytes: new Uint8Array(0),
      last: true,
      sha256: null,
    };
    this.port.send({ message, body });
  }

  #receivedWhole(chunk: Chunk, body: SnapshotBody, installs: (body: SnapshotBody) => void): void {
    const machine = this.port.machine();
    if (machine.onSnapshotReceived(body.meta, chunk.from, chunk.term)) installs(body);
    const message: Message = {
      type: 'snapshotAck',
      from: this.self,
      to: chunk.from,
      term: machine.status().term,
      index: body.meta.index,
      storedBytes: 0,
      outcome: 'installed',
    };
    this.port.send({ message, body: null });
  }

  #seal(body: SnapshotBody): void {
    const { media } = this;
    const { index } = body.meta;
    if (index <= media.snapshot.meta.index || !media.log.covers(index)) return;
    const upTo = index - this.swarm.trailingEntries;
    if (this.store !== null) {
      // A snapshot that is being installed will replace this state.
      if (index <= (this.received?.meta.index ?? 0)) return;
      this.store.seal(body, upTo, (to) => this.port.input(() => this.#compacted(to)));
      return;
    }
    media.snapshot = body;
    media.applied = appliedBy(body);
    media.log.compactTo(upTo);
    this.#compacted(upTo);
  }

  #compacted(upTo: LogIndex): void {
    const mirror = this.port.mirror();
    if (mirror.covers(upTo)) mirror.compactTo(upTo);
    this.port.machine().compactTo(upTo);
    this.port.count('snapshotsTaken');
  }
}
