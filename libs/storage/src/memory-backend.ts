import { assert } from '#libs/kernel';
import { markerOf } from './batch-markers.ts';
import type {
  Backend,
  BackendOperation,
  GuardDevice,
  OpenDisk,
  SpaceReserve,
  StagingFile,
  StoreDisk,
} from './disk.ts';
import { DamagedLogError, DirectoryInUseError } from './errors.ts';
import { decodeGuard } from './guard-slots.ts';
import { SortedRecords } from './sorted-records.ts';

/** How time passes for one operation of the disk; the simulator decides. */
export type DiskDelay = (operation: 'batch' | 'guard' | 'staging') => Promise<void>;

/** Batches that can still be dropped by `dropBatch`. */
const REMEMBERED_BATCHES = 256;

type AppliedBatch = {
  readonly operations: readonly BackendOperation[];
  readonly undo: readonly BackendOperation[];
  readonly durable: boolean;
};

const SECTOR_BYTES = 512;

export type DiskCopy = {
  readonly records: SortedRecords;
  readonly slots: readonly [Uint8Array | null, Uint8Array | null];
};

/**
 * A disk in memory that behaves as LevelDB on a real one: batches are atomic, unsynced ones are lost
 * in a crash, a damaged batch disappears without a word. It outlives the stores opened on it.
 */
export class MemoryDisk implements StoreDisk {
  readonly directory = 'memory';
  /** As if its reserve had been let go. */
  nearlyFull = false;
  readonly #records = new SortedRecords();
  #batches: AppliedBatch[] = [];
  readonly #slots: [Uint8Array | null, Uint8Array | null] = [null, null];
  #staging: Buffer = Buffer.alloc(0);
  #session = 0;
  #open = false;
  #failure: Error | null = null;
  #delay: DiskDelay | null = null;
  #verdict: string | null = null;
  #isolation: string | null = null;

  /** Each write waits for this before it takes effect. */
  set delay(delay: DiskDelay | null) {
    this.#delay = delay;
  }

  get bytesHeld(): number {
    return this.#records.sizeBytes + this.#staging.length;
  }

  open(): Promise<OpenDisk> {
    if (this.#open) return Promise.reject(new DirectoryInUseError(this.directory));
    if (this.#verdict !== null) {
      return Promise.reject(new DamagedLogError(this.directory, this.#verdict));
    }
    this.#open = true;
    const session = this.#session;
    return Promise.resolve({
      backend: this.#backend(session),
      guard: this.#guard(session),
      staging: this.#stagingFile(session),
      openReserve: async () => new MemoryReserve(this),
      reportedLoss: null,
      condemn: async (finding) => {
        this.#verdict = finding;
      },
      isolation: this.#isolation,
      isolate: async (finding) => {
        this.#isolation = finding;
      },
      close: async () => {
        if (session === this.#session) this.#open = false;
      },
    });
  }

  /** The next write fails and so does every one after it, until the disk is opened anew after a crash. */
  failNextWrite(error: Error): void {
    this.#failure = error;
  }

  /**
   * The process dies: operations under way never resolve. Unsynced batches are lost, but for the first
   * `keptUnsynced` of them.
   */
  crash(keptUnsynced = 0): void {
    this.#session += 1;
    this.#open = false;
    this.#failure = null;
    const firstUnsynced = this.#batches.findIndex((batch) => !batch.durable);
    if (firstUnsynced >= 0) this.#rollBackTo(firstUnsynced + keptUnsynced);
    this.#batches = this.#batches.map((batch) => ({ ...batch, durable: true }));
  }

  /** LevelDB finds a damaged record in its log: the batch so many before the newest one is gone. */
  dropBatch(fromNewest: number): void {
    const at = this.#batches.length - 1 - fromNewest;
    assert(at >= 0, 'only a remembered batch is dropped', { fromNewest });
    const later = this.#batches.slice(at + 1);
    this.#rollBackTo(at);
    for (const batch of later) this.#apply(batch.operations, batch.durable);
  }

  /** Flips bits of one byte of a stored value, found by its place in key order. */
  flipByte(place: { readonly record: number; readonly byte: number; readonly mask: number }): void {
    const found = this.#records.at(place.record % Math.max(1, this.#records.count));
    if (found === null || found.value.length === 0) return;
    const value = Uint8Array.from(found.value);
    const at = place.byte % value.length;
    value[at] = (value[at] ?? 0) ^ place.mask;
    this.#records.put(found.key, value);
  }

  /** A sector of a stored value reads as zeros. */
  zeroSector(place: { readonly record: number; readonly sector: number }): void {
    const found = this.#records.at(place.record % Math.max(1, this.#records.count));
    if (found === null || found.value.length === 0) return;
    const value = Uint8Array.from(found.value);
    const sectors = Math.ceil(value.length / SECTOR_BYTES);
    const from = (place.sector % sectors) * SECTOR_BYTES;
    this.#records.put(found.key, value.fill(0, from, from + SECTOR_BYTES));
  }

  /**
   * LevelDB's newest log file is gone: it opens without a word, and without these batches. One of them was confirmed
   * in the guard file: what is not yet confirmed could as well have been cut short by a crash (docs/adr/0008).
   */
  loseNewest(batches: number): void {
    this.#rollBackTo(Math.max(0, this.#batches.length - batches));
    const confirmed = markerOf(this.#confirmedBatch());
    while (this.#batches.length > 0 && this.#holds(confirmed)) {
      this.#rollBackTo(this.#batches.length - 1);
    }
  }

  #confirmedBatch(): number {
    const [a, b] = this.#slots.map((bytes) => (bytes === null ? null : decodeGuard(bytes, 0)));
    const newest = (a?.counter ?? 0) > (b?.counter ?? 0) ? a : b;
    return newest?.confirmedBatch ?? 0;
  }

  #holds(operation: BackendOperation): boolean {
    const stored = this.#records.get(operation.key);
    if (stored === undefined || operation.type !== 'put') return false;
    return Buffer.compare(stored, operation.value) === 0;
  }

  loseGuard(): void {
    this.#slots.fill(null);
  }

  loseDatabase(): void {
    this.#records.clear();
    this.#batches = [];
  }

  /** What a copy of the directory would hold now. */
  copy(): DiskCopy {
    return { records: this.#records.copy(), slots: [this.#slots[0], this.#slots[1]] };
  }

  /** An old copy of one part stands there again, beside the other part as it is. */
  putBack(part: 'database' | 'guard', { records, slots }: DiskCopy): void {
    if (part === 'guard') {
      [this.#slots[0], this.#slots[1]] = slots;
    } else {
      this.#records.replaceBy(records);
      this.#batches = [];
    }
  }

  /** Another disk in its place: nothing is on it. */
  replace(): void {
    this.loseDatabase();
    this.loseGuard();
    this.#staging = Buffer.alloc(0);
    this.#verdict = null;
    this.#isolation = null;
  }

  /** As if the damage had never been found. */
  forgetVerdict(): void {
    this.#verdict = null;
  }

  /** A torn write of a guard slot: only its first bytes arrived. */
  tearGuardSlot(slot: 0 | 1, keptBytes: number): void {
    const bytes = this.#slots[slot];
    if (bytes === null) return;
    this.#slots[slot] = Uint8Array.from(bytes).fill(0, keptBytes);
  }

  #backend(session: number): Backend {
    return {
      batch: async (operations, { sync }) => {
        await this.#turn(session, 'batch');
        this.#apply(operations, false);
        if (sync) this.#batches = this.#batches.map(asDurable);
      },
      get: async (key) => this.#records.get(key),
      iterator: (options) => {
        const records = this.#records.range(options);
        let at = 0;
        return {
          nextv: async (size) => {
            at += size;
            return records.slice(at - size, at);
          },
          close: async () => undefined,
        };
      },
      snapshot: () => this.#records.freeze(),
    };
  }

  #guard(session: number): GuardDevice {
    return {
      read: async (slot) => this.#slots[slot],
      write: async (slot, bytes) => {
        await this.#turn(session, 'guard');
        this.#slots[slot] = Uint8Array.from(bytes);
      },
    };
  }

  #stagingFile(session: number): StagingFile {
    return {
      sizeBytes: async () => this.#staging.length,
      read: async (offset, length) => this.#staging.subarray(offset, offset + length),
      write: async (offset, bytes) => {
        await this.#turn(session, 'staging');
        const rest = this.#staging.subarray(offset + bytes.length);
        this.#staging = Buffer.concat([this.#staging.subarray(0, offset), bytes, rest]);
      },
      truncate: async (sizeBytes) => {
        await this.#turn(session, 'staging');
        this.#staging = this.#staging.subarray(0, sizeBytes);
      },
    };
  }

  async #turn(session: number, operation: Parameters<DiskDelay>[0]): Promise<void> {
    if (this.#delay !== null) await this.#delay(operation);
    // A dead process hears nothing: its promises stay open.
    if (session !== this.#session) await new Promise<never>(() => undefined);
    if (this.#failure !== null) throw this.#failure;
  }

  #apply(operations: readonly BackendOperation[], durable: boolean): void {
    const undo = operations.map((operation) => this.#records.apply(operation)).reverse();
    this.#batches.push({ operations, undo, durable });
    const surplus = this.#batches.length - REMEMBERED_BATCHES;
    if (surplus > 0 && this.#batches[0]?.durable === true) this.#batches.shift();
  }

  #rollBackTo(count: number): void {
    while (this.#batches.length > count) {
      for (const operation of this.#batches.pop()?.undo ?? []) this.#records.apply(operation);
    }
  }
}

class MemoryReserve implements SpaceReserve {
  readonly availableBytes = null;

  constructor(readonly disk: MemoryDisk) {}

  get nearlyFull(): boolean {
    return this.disk.nearlyFull;
  }

  async close(): Promise<void> {}
}

function asDurable(batch: AppliedBatch): AppliedBatch {
  return batch.durable ? batch : { ...batch, durable: true };
}
