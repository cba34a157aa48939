import type { LogIndex, MemberId, Message, Term } from '#libs/raft';
import { type SnapshotMachine, Snapshotter } from '#libs/storage';
import type { SnapshotBody } from './sim-disk.ts';
import type { SimStore } from './sim-store.ts';
import type { SnapshotPort } from './snapshot-port.ts';

type Chunk = Extract<Message, { type: 'snapshotChunk' }>;
type Ack = Extract<Message, { type: 'snapshotAck' }>;

/** Shorter than in production, as a simulated minute is long: a piece often leaves again before its answer. */
const PATIENCE = { resendAfterMs: 120, silenceLimitMs: 960 };

/** The production sender and receiver in one life of a member: pieces of a few bytes, each of which may be lost. */
export class SimTransfer {
  readonly #snapshotter: Snapshotter;
  /** What the pieces of each snapshot add up to. */
  readonly #bodies = new Map<LogIndex, SnapshotBody>();
  #installs: ((body: SnapshotBody) => void) | null = null;

  constructor(
    self: MemberId,
    private readonly store: SimStore,
    private readonly port: SnapshotPort,
    pieceBytes: number,
  ) {
    this.#snapshotter = new Snapshotter({
      self,
      storage: store.snapshots(pieceBytes, (body) => this.#bodies.set(body.meta.index, body)),
      links: { send: (message) => this.#send(message) },
      log: { info: () => undefined, warn: () => port.count('snapshotsRejected') },
      feed: (input) => {
        if (port.alive()) port.input(() => input(this.#watched(port.machine())));
      },
      failed: (error) => {
        if (port.alive()) store.failedWith(error);
      },
      timer: (everyMs, run) => this.#repeat(everyMs, run),
      patience: PATIENCE,
    });
  }

  /** A process may have died in the middle of the turn that asks for it. */
  send(to: MemberId, term: Term): void {
    if (!this.port.alive() || !this.store.isOpen) return;
    this.store.stirred();
    this.#snapshotter.send(to, term);
  }

  onChunk(chunk: Chunk, body: SnapshotBody, installs: (body: SnapshotBody) => void): void {
    if (!this.port.alive() || !this.store.isOpen) return;
    this.store.stirred();
    this.#bodies.set(chunk.index, body);
    this.#installs = installs;
    this.#snapshotter.onChunk(chunk);
  }

  onAck(ack: Ack): void {
    this.store.stirred();
    this.#snapshotter.onAck(ack);
  }

  onRestored(index: LogIndex): void {
    this.#snapshotter.onRestored(index);
  }

  #send(message: Message): void {
    if (!this.port.alive()) return;
    const chunk = message.type === 'snapshotChunk';
    if (chunk) this.port.count('snapshotPieces');
    this.port.send({ message, body: chunk ? (this.#bodies.get(message.index) ?? null) : null });
  }

  /** The batch that the machine hands out next belongs to the snapshot that it just took. */
  #watched(machine: ReturnType<SnapshotPort['machine']>): SnapshotMachine {
    return {
      status: () => machine.status(),
      onSnapshotSent: (to, outcome, index) => machine.onSnapshotSent(to, outcome, index),
      onSnapshotReceived: (meta, from, term) => {
        const body = this.#bodies.get(meta.index);
        const taken = machine.onSnapshotReceived(meta, from, term);
        if (taken && body !== undefined) this.#installs?.(body);
        return taken;
      },
    };
  }

  #repeat(everyMs: number, run: () => void): () => void {
    let stopped = false;
    const next = (): void => {
      if (stopped) return;
      this.store.stirred();
      run();
      this.port.later(everyMs, next);
    };
    this.port.later(everyMs, next);
    return () => {
      stopped = true;
    };
  }
}
