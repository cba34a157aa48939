import { codeOf, InvariantError, messageOf, type Prng, present } from '#libs/kernel';
import { decodeMembership } from '#libs/protocol';
import type { LogEntry, LogIndex, Membership, Message, PersistBatch } from '#libs/raft';
import {
  type DiskCopy,
  MemoryDisk,
  openReplicaStore,
  type ReplicaStore,
  type SnapshotPiece,
  type SnapshotReceiver,
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
const READ_ALL_BYTES = 1_000_000_000;

type Chunk = Extract<Message, { type: 'snapshotChunk' }>;

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
  #receiver: SnapshotReceiver | null = null;
  #receiving = false;
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
    this.#opened = this.#open().then(({ store }) => store);
    this.#watch(this.#opened);
  }

  /** Durable, and known to `media`, before `done` runs. */
  persist(batch: PersistBatch, body: SnapshotBody | null, done: () => void): void {
    this.#underWay = { ...this.#underWay, batch, body };
    const written = this.#opened
      .then(async (store) => {
        await store.write({ persist: batch });
        store.confirm();
      })
      .then(() => {
        this.media.write(batch, body);
        this.#underWay = { ...this.#underWay, batch: null, body: null };
        this.#batchesWritten += 1;
        if (batch.snapshot !== null) this.#receiving = false;
      });
    this.#then(written, done);
  }

  /** Stores the state with the index that it stands at and drops the log up to at most `upTo`. */
  seal(body: SnapshotBody, upTo: LogIndex, done: (droppedTo: LogIndex) => void): void {
    this.#underWay = { ...this.#underWay, sealing: body };
    const { index, term } = body.meta;
    const digest = digestBytes(body.digest);
    const dropped = this.#opened.then(async (store) => {
      const state = [{ type: 'put', key: DIGEST_KEY, value: digest } as const];
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

  /** The state as stored, in one piece, and what it stands for. */
  readSnapshot(done: (piece: SnapshotPiece, body: SnapshotBody) => void): void {
    const read = this.#opened.then(async (store) => {
      const snapshot = store.openStateSnapshot();
      const body = this.media.snapshot;
      if (snapshot.meta.index !== body.meta.index) {
        throw new Violation('a snapshot is of the stored state', { id: this.id, body: body.meta });
      }
      const pieces: SnapshotPiece[] = [];
      for await (const piece of snapshot.pieces()) pieces.push(piece);
      await snapshot.close();
      return { piece: present(pieces[0], 'a snapshot has a piece'), body };
    });
    this.#then(read, ({ piece, body }) => done(piece, body));
  }

  /** One at a time, as in the host: what comes meanwhile is sent again. */
  receive(chunk: Chunk, sealed: () => void): void {
    const { membership, sha256 } = chunk;
    if (this.#receiving || membership === null || sha256 === null) return;
    this.#receiving = true;
    const meta = {
      index: chunk.index,
      term: chunk.snapshotTerm,
      membership: decodeMembership(membership),
    };
    const received = this.#opened.then(async (store) => {
      this.#receiver ??= store.openSnapshotReceiver();
      await this.#receiver.begin(meta);
      await this.#receiver.write(0, chunk.bytes);
      await this.#receiver.seal(sha256);
    });
    this.#then(received, sealed);
  }

  /** The machine did not want what was received. */
  refused(): void {
    this.#receiving = false;
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
    this.#receiver = null;
    this.#receiving = false;
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
    const state = await store.get(DIGEST_KEY);
    if (digestOf(state ?? new Uint8Array()) !== digestOf(found.digest)) {
      throw new Violation('recovery finds the state of its applied index', { id: this.id });
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
