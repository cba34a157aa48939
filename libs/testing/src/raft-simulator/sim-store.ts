import { codeOf, InvariantError, messageOf, type Prng, present } from '#libs/kernel';
import type { LogEntry, LogIndex, Membership, PersistBatch } from '#libs/raft';
import {
  type DiskCopy,
  MemoryDisk,
  openReplicaStore,
  type ReplicaStore,
  type SnapshotterOptions,
} from '#libs/storage';
import {
  checkRecovered,
  digestBytes,
  digestOf,
  type FoundLog,
  type UnderWay,
} from './check-recovered.ts';
import { damageDisk } from './damage-disk.ts';
import { DiskGate } from './disk-gate.ts';
import type { Scheduler } from './scheduler.ts';
import { appliedBy, type SnapshotBody, type StableMedia } from './sim-disk.ts';
import { Violation } from './violation.ts';

const GROUP_ID = '00112233aabbccdd';
const DIGEST_KEY = 'digest';
/** Beside the digest, so that a snapshot has many pieces. */
const BULK_KEY = 'bulk';
const READ_ALL_BYTES = 1_000_000_000;

export type StorePort = {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly latencyMs: () => number;
  readonly stalled: () => boolean;
  /** Runs in the life in which it was asked for, once the member is not paused. */
  readonly later: (run: () => void) => void;
  /** Writing failed: the process must stop. */
  readonly failed: () => void;
  readonly count: (what: string) => void;
};

/** The real storage code on a disk in memory, beside the plain media that say what must be there. */
export class SimStore {
  readonly #disk = new MemoryDisk();
  readonly #gate: DiskGate;
  #opened: Promise<ReplicaStore>;
  #running: ReplicaStore | null = null;
  #life = 0;
  #batchesWritten = 0;
  #underWay: UnderWay = { batch: null, body: null, sealing: null };
  #damagePlanned = false;
  #copy: DiskCopy | null = null;
  #batchesAtCopy = 0;

  constructor(
    private readonly id: number,
    private readonly media: StableMedia,
    private readonly bootstrap: Membership,
    private readonly port: StorePort,
  ) {
    const { prng, latencyMs } = port;
    const latency = { batch: latencyMs, guard: latencyMs, staging: () => prng.unit() };
    this.#gate = new DiskGate(port.scheduler, (kind) => latency[kind](), port.stalled);
    this.#disk.delay = this.#gate.wait;
    this.#opened = this.#open().then(({ store }) => {
      this.#running = store;
      return store;
    });
    this.#watch(this.#opened);
  }

  /** Durable, and known to `media`, before `done` runs. */
  persist(batch: PersistBatch, body: SnapshotBody | null, done: () => void): void {
    this.#underWay = { ...this.#underWay, batch, body };
    const written = this.#opened.then(async (store) => {
      await store.write({ persist: batch });
      store.confirm();
      this.media.write(batch, body);
      this.#underWay = { ...this.#underWay, batch: null, body: null };
      this.#batchesWritten += 1;
      if (batch.snapshot !== null) await this.#checkState(store);
    });
    this.#then(written, done);
  }

  /** Stores the state with the index that it stands at and drops the log up to at most `upTo`. */
  seal(body: SnapshotBody, upTo: LogIndex, done: (droppedTo: LogIndex) => void): void {
    this.#underWay = { ...this.#underWay, sealing: body };
    const { index, term } = body.meta;
    const digest = digestBytes(body.digest);
    const dropped = this.#opened.then(async (store) => {
      const state = [
        { type: 'put', key: DIGEST_KEY, value: digest },
        { type: 'put', key: BULK_KEY, value: bulkOf(index) },
      ] as const;
      await store.write({ state, applied: { index, term, digest } });
      this.media.snapshot = body;
      this.media.applied = appliedBy(body);
      this.#underWay = { ...this.#underWay, sealing: null };
      const droppedTo = upTo <= 0 ? 0 : await store.compactTo(upTo);
      this.media.log.compactTo(droppedTo);
      return droppedTo;
    });
    this.#then(dropped, done);
  }

  readEntries(from: LogIndex, bytes: number, done: (entries: readonly LogEntry[]) => void): void {
    const read = this.#opened.then((store) => {
      if (from < store.firstIndex || from > store.lastIndex) return [];
      return store.readEntries(from, store.lastIndex, bytes);
    });
    this.#then(read, done);
  }

  /** Not yet while the first open is on its way, over a disk that is slow or stuck. */
  get isOpen(): boolean {
    return this.#running !== null;
  }

  /** For the production sender and receiver, in pieces of a few bytes; `opened` hears what a snapshot stands for. */
  snapshots(
    pieceBytes: number,
    opened: (body: SnapshotBody) => void,
  ): SnapshotterOptions['storage'] {
    const store = (): ReplicaStore => present(this.#running, 'who leads or follows has opened');
    return {
      openSnapshotReceiver: () => store().openSnapshotReceiver(pieceBytes),
      openStateSnapshot: () => {
        const snapshot = store().openStateSnapshot();
        const body = this.media.snapshot;
        if (snapshot.meta.index !== body.meta.index) {
          throw new Violation('a snapshot is of the stored state', {
            id: this.id,
            body: body.meta,
          });
        }
        opened(body);
        return {
          meta: snapshot.meta,
          pieces: (offset) => snapshot.pieces(offset, pieceBytes),
          close: () => snapshot.close(),
        };
      },
    };
  }

  /** Code that waits for promises was called: they may go on before the next task. */
  stirred(): void {
    this.port.scheduler.promised = true;
  }

  /** Of the present life. */
  failedWith(error: unknown): void {
    this.stirred();
    this.#watch(Promise.reject(error));
  }

  releaseDue(): void {
    this.#gate.releaseDue();
  }

  failNextWrite(): void {
    this.#disk.failNextWrite(Object.assign(new Error('i/o error'), { code: 'EIO' }));
  }

  /** An operator copies the directory, as people do. */
  takeCopy(): void {
    this.#copy = this.#disk.copy();
    this.#batchesAtCopy = this.#batchesWritten;
  }

  /** Another, empty disk, and a process that starts on it. */
  replaceDisk(): void {
    this.#disk.replace();
    this.#damagePlanned = false;
    this.#copy = null;
    this.#batchesWritten = 0;
    this.#underWay = { batch: null, body: null, sealing: null };
  }

  /** At the next crash the disk loses or changes something that was acknowledged. */
  planDamage(): void {
    this.#damagePlanned = true;
  }

  crash(): void {
    const { prng, scheduler } = this.port;
    this.#life += 1;
    this.#running = null;
    this.#gate.close(() => prng.chance(0.5));
    const keptUnsynced = prng.range(0, 3);
    scheduler.after(0, () => {
      this.#disk.crash(keptUnsynced);
      if (this.#damagePlanned) this.#damage();
    });
  }

  /** `opened` gets null when the disk has lost what was acknowledged: this member is done for. */
  reopen(opened: (found: FoundLog | null) => void): void {
    const { scheduler } = this.port;
    scheduler.after(0, () => {
      this.#gate.reopen();
      this.#open()
        .then(
          async ({ store, found }) => {
            await this.#check(store, found);
            this.#opened = Promise.resolve(store);
            this.#running = store;
            scheduler.after(0, () => opened(found));
          },
          (error: unknown) => {
            if (codeOf(error) !== 'DAMAGED_LOG' || !this.#damagePlanned) throw error;
            this.port.count('damagedLogs');
            scheduler.after(0, () => opened(null));
          },
        )
        .catch((error: unknown) => this.#break(error));
    });
  }

  async #open(): Promise<{ readonly store: ReplicaStore; readonly found: FoundLog }> {
    this.port.scheduler.promised = true;
    const where = { directory: 'memory', groupId: GROUP_ID, disk: this.#disk };
    const { store, recovered } = await openReplicaStore(where);
    if (recovered.bootstrapped) return { store, found: recovered };
    const seat = { groupId: GROUP_ID, memberId: this.id, membership: this.bootstrap };
    return { store, found: await store.bootstrap(seat) };
  }

  async #check(store: ReplicaStore, found: FoundLog): Promise<void> {
    this.port.count('recoveries');
    const entries = await store.readEntries(found.firstIndex, found.lastIndex, READ_ALL_BYTES);
    checkRecovered(this.media, found, entries, this.#underWay);
    this.#underWay = { batch: null, body: null, sealing: null };
    await this.#checkState(store);
  }

  async #checkState(store: ReplicaStore): Promise<void> {
    const { index, digest } = store.applied;
    const stored = await store.get(DIGEST_KEY);
    const bulk = await store.get(BULK_KEY);
    const expected = index === 0 ? null : bulkOf(index);
    const same = Buffer.compare(bulk ?? new Uint8Array(), expected ?? new Uint8Array()) === 0;
    if (!same || digestOf(stored ?? new Uint8Array()) !== digestOf(digest)) {
      throw new Violation('the stored state is that of its applied index', { id: this.id, index });
    }
  }

  #damage(): void {
    const { prng, count } = this.port;
    const kind = damageDisk(this.#disk, prng, {
      batches: this.#batchesWritten,
      copy: this.#copy,
      batchesAtCopy: this.#batchesAtCopy,
    });
    count(`damage:${kind}`);
  }

  #then<T>(promise: Promise<T>, done: (value: T) => void): void {
    const life = this.#life;
    this.port.scheduler.promised = true;
    this.#watch(
      promise.then((value) => {
        if (life === this.#life) this.port.later(() => done(value));
      }),
    );
  }

  /** Failed writes stop the member; anything else is a finding. */
  #watch(promise: Promise<unknown>): void {
    const life = this.#life;
    promise.catch((error: unknown) => {
      if (life !== this.#life) return;
      if (codeOf(error) !== 'STORAGE_FAILED' && codeOf(error) !== 'EIO') this.#break(error);
      else this.port.scheduler.after(0, () => life === this.#life && this.port.failed());
    });
  }

  #break(error: unknown): void {
    const known = error instanceof Violation || error instanceof InvariantError;
    const found = known ? error : new Violation('the store works', { error: messageOf(error) });
    this.port.scheduler.after(0, () => {
      throw found;
    });
  }
}

/** The same on every member that stands at `index`. */
function bulkOf(index: LogIndex): Uint8Array {
  return Uint8Array.from({ length: 100 + (index % 100) }, (_, at) => (index * 31 + at * 7) & 0xff);
}
