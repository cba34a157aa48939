import type { Prng } from '#libs/kernel';
import type { Message, PersistBatch, WriteSeq } from '#libs/raft';
import type { SnapshotBody, StableMedia } from './sim-disk.ts';
import type { SimStore } from './sim-store.ts';
import type { Swarm } from './swarm.ts';

type Write = {
  readonly batch: PersistBatch | null;
  readonly body: SnapshotBody | null;
  readonly messages: readonly Message[];
  readonly startedMs: number;
};

/** How the writer reaches the member it belongs to. */
export type WriterPort = {
  readonly nowMs: () => number;
  readonly healed: () => boolean;
  /** Runs later unless the member crashed meanwhile. */
  readonly later: (delayMs: number, run: () => void) => void;
  readonly input: (run: () => void) => void;
  readonly sendAll: (messages: readonly Message[]) => void;
  readonly persisted: (seq: WriteSeq, body: SnapshotBody | null) => void;
};

/** The single FIFO writer of a member: one batch at a time, and what waits for it leaves after it. */
export class SimWriter {
  stalled = false;
  #writes: Write[] = [];
  #writing = false;

  constructor(
    private readonly media: StableMedia,
    private readonly prng: Prng,
    private readonly swarm: Swarm,
    private readonly port: WriterPort,
    private readonly store: SimStore | null,
  ) {}

  /** Age of the oldest unfinished write, 0 when there is none. */
  get stallMs(): number {
    const [oldest] = this.#writes;
    return oldest === undefined ? 0 : Math.floor(this.port.nowMs() - oldest.startedMs);
  }

  submit(
    batch: PersistBatch | null,
    body: SnapshotBody | null,
    messages: readonly Message[],
  ): void {
    const write = { batch, body, messages, startedMs: this.port.nowMs() };
    this.#writes.push(write);
    this.pump();
  }

  /** Of the writes under way a first part may have reached the disk; the rest never was. */
  crash(): void {
    const survivors = this.store === null ? this.prng.range(0, this.#writes.length) : 0;
    this.store?.crash();
    for (const { batch, body } of this.#writes.slice(0, survivors)) {
      if (batch !== null) this.media.write(batch, body);
    }
    this.#writes = [];
    this.#writing = false;
    this.stalled = false;
  }

  unstall(): void {
    this.stalled = false;
    this.pump();
  }

  pump(): void {
    if (!this.stalled) this.store?.releaseDue();
    if (this.#writing || this.stalled) return;
    for (let write = this.#writes[0]; write !== undefined; write = this.#writes[0]) {
      if (write.batch !== null) {
        this.#begin(write);
        return;
      }
      this.#finish(write);
    }
  }

  #begin(write: Write): void {
    const { batch, body } = write;
    this.#writing = true;
    if (this.store !== null && batch !== null) {
      this.store.persist(batch, body, () => {
        this.#writing = false;
        this.#finished(write);
        this.pump();
      });
      return;
    }
    this.port.later(this.latencyMs(), () => {
      this.#writing = false;
      if (this.stalled) return;
      this.#finish(write);
      this.pump();
    });
  }

  /** How long the next write takes. */
  latencyMs(): number {
    const { writeMs, slowWriteChance } = this.swarm;
    const slow = this.prng.chance(slowWriteChance) ? 40 : 1;
    const latencyMs = this.port.healed() ? Math.min(writeMs, 1) : writeMs * slow;
    return this.prng.unit() * latencyMs;
  }

  #finish(write: Write): void {
    const { batch } = write;
    if (batch !== null) this.media.write(batch, write.body);
    this.#finished(write);
  }

  #finished({ batch, body, messages }: Write): void {
    this.#writes.shift();
    this.port.input(() => {
      this.port.sendAll(messages);
      if (batch !== null) this.port.persisted(batch.seq, body);
    });
  }
}
