import type { Prng } from '#libs/kernel';
import type { MemberId, Message, RaftMachine, Term } from '#libs/raft';
import type { Packet } from './network.ts';
import type { SimApplied } from './sim-applied.ts';
import type { HashedLog, SnapshotBody, StableMedia } from './sim-disk.ts';
import type { Swarm } from './swarm.ts';

/** A sender gives a receiver up after this long without an answer. */
const GIVE_UP_MS = 600;

export type SnapshotPort = {
  readonly machine: () => RaftMachine;
  readonly mirror: () => HashedLog;
  readonly applied: () => SimApplied;
  readonly term: () => Term;
  readonly later: (delayMs: number, run: () => void) => void;
  readonly input: (run: () => void) => void;
  readonly send: (packet: Packet) => void;
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
    const body = this.media.snapshot;
    const { index, term: snapshotTerm } = body.meta;
    if (index > 0) {
      const message: Message = {
        type: 'snapshotChunk',
        from: this.self,
        to,
        term: this.port.term(),
        index,
        snapshotTerm,
        membership: null,
        offset: 0,
        bytes: new Uint8Array(0),
        last: true,
        sha256: null,
      };
      this.port.send({ message, body });
    }
    this.port.later(GIVE_UP_MS, () => {
      this.port.input(() => this.port.machine().onSnapshotSent(to, 'failed', index));
    });
  }

  /** `takeBatch` must run at once: the machine's next batch belongs to this snapshot. */
  receive(chunk: Message, body: SnapshotBody, takeBatch: () => void): void {
    const machine = this.port.machine();
    if (machine.onSnapshotReceived(body.meta, chunk.from, chunk.term)) {
      this.received = body;
      takeBatch();
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
    media.snapshot = body;
    media.applied = { index, digest: body.digest };
    const upTo = index - this.swarm.trailingEntries;
    media.log.compactTo(upTo);
    const mirror = this.port.mirror();
    if (mirror.covers(upTo)) mirror.compactTo(upTo);
    this.port.machine().compactTo(upTo);
    this.port.count('snapshotsTaken');
  }
}
