import type { Prng } from '#libs/kernel';
import { encodeMembership } from '#libs/protocol';
import type { LogIndex, MemberId, Message, RaftMachine, Term } from '#libs/raft';
import type { Outgoing } from './network.ts';
import type { SimApplied } from './sim-applied.ts';
import { appliedBy, type HashedLog, type SnapshotBody, type StableMedia } from './sim-disk.ts';
import type { SimStore } from './sim-store.ts';
import type { Swarm } from './swarm.ts';

type Chunk = Extract<Message, { type: 'snapshotChunk' }>;

/** A sender gives a receiver up after this long without an answer. */
const GIVE_UP_MS = 600;

export type SnapshotPort = {
  readonly machine: () => RaftMachine;
  readonly mirror: () => HashedLog;
  readonly applied: () => SimApplied;
  readonly term: () => Term;
  readonly later: (delayMs: number, run: () => void) => void;
  readonly input: (run: () => void) => void;
  readonly send: (packet: Outgoing) => void;
  readonly count: (what: string) => void;
};

/** Takes, sends and receives snapshots as the host does; one message stands for all the pieces. */
export class SimSnapshots {
  /** A received snapshot that the next batch will carry. */
  received: SnapshotBody | null = null;
  #running = false;

  constructor(
    private readonly self: MemberId,
    private readonly media: StableMedia,
    private readonly prng: Prng,
    private readonly swarm: Swarm,
    private readonly port: SnapshotPort,
    private readonly store: SimStore | null,
  ) {}

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
    const { index } = this.media.snapshot.meta;
    if (index > 0 && this.store === null) {
      this.#sendChunk(to, this.media.snapshot, { bytes: new Uint8Array(0), sha256: null });
    } else if (index > 0) {
      this.store?.readSnapshot((piece, body) => this.#sendChunk(to, body, piece));
    }
    this.port.later(GIVE_UP_MS, () => {
      this.port.input(() => this.port.machine().onSnapshotSent(to, 'failed', index));
    });
  }

  /** `takeBatch` must run at once: the machine's next batch belongs to this snapshot. */
  receive(chunk: Chunk, body: SnapshotBody, takeBatch: () => void): void {
    if (this.store === null) this.#received(chunk, body, takeBatch);
    else {
      this.store.receive(chunk, () => {
        this.port.input(() => this.#received(chunk, body, takeBatch));
      });
    }
  }

  #sendChunk(
    to: MemberId,
    body: SnapshotBody,
    { bytes, sha256 }: Pick<Chunk, 'bytes' | 'sha256'>,
  ): void {
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
      bytes,
      last: true,
      sha256,
    };
    this.port.send({ message, body });
  }

  #received(chunk: Chunk, body: SnapshotBody, takeBatch: () => void): void {
    const machine = this.port.machine();
    if (machine.onSnapshotReceived(body.meta, chunk.from, chunk.term)) {
      this.received = body;
      takeBatch();
    } else {
      this.store?.refused();
    }
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
