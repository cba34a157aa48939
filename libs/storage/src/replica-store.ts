import { assert, InvariantError, QueueFullError } from '#libs/kernel';
import type { HardState, LogEntry, LogIndex, Membership } from '#libs/raft';
import { markerOf } from './batch-markers.ts';
import { type LoadedSnapshot, planBatch, type WriteRequest } from './batch-plan.ts';
import { bootstrapOperations, bootstrapState, type FirstSeat } from './bootstrap.ts';
import { compactedBase, removeRanges } from './compaction.ts';
import type { BackendOperation, OpenDisk, SpaceReserve } from './disk.ts';
import { StorageFailedError, StoreClosedError } from './errors.ts';
import { GuardLane, type StoredGuard } from './guard-slots.ts';
import { logKey, otherGenerations, stateKey } from './keys.ts';
import { readLogEntries } from './log-reader.ts';
import { baseRecord, FORMAT_VERSION, identityRecord } from './meta-records.ts';
import { type RecoveredLog, recoveredOf } from './recovery.ts';
import type { AppliedMark, ReplicaState } from './replica-state.ts';
import { unsealRecord } from './sealed-record.ts';
import { SerialQueue } from './serial-queue.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { type ScanRange, type StateRecord, scanState } from './state-scan.ts';
import { SNAPSHOT_CHUNK_BYTES, StateSnapshot } from './state-snapshot.ts';

/** After so many batches the guard file is brought up to date even if nobody calls `confirm`. */
const CONFIRM_EVERY_BATCHES = 64;

/**
 * Raft log, hard state and replicated state of one controller. All writes go through one queue, one
 * synced batch each; after a failed write every later call fails with StorageFailedError.
 */
export class ReplicaStore {
  readonly #queue: SerialQueue;
  readonly #lane: GuardLane;
  #state: ReplicaState | null;
  #confirmedBatch: number;
  #loaded: LoadedSnapshot | null = null;
  /** The newest generation given to a snapshot; its records are not leftovers. */
  #reserved = 0;
  #closing: Promise<void> | null = null;
  #removing: Promise<void> = Promise.resolve();
  #reserve: SpaceReserve | null = null;

  /** Use `openReplicaStore`. */
  constructor(
    readonly directory: string,
    private readonly disk: OpenDisk,
    found: {
      readonly state: ReplicaState | null;
      readonly guard: StoredGuard | null;
      /** The highest generation of which anything is left. */
      readonly newestGeneration: number;
    },
  ) {
    this.#reserved = found.newestGeneration;
    this.#queue = new SerialQueue((cause) =>
      cause instanceof InvariantError ? cause : new StorageFailedError(directory, { cause }),
    );
    this.#lane = new GuardLane(disk.guard, found.guard);
    this.#state = found.state;
    this.#confirmedBatch = found.guard?.confirmedBatch ?? 0;
  }

  /** The error that ended writing; null while the store is sound. */
  get failure(): Error | null {
    return this.#queue.failure;
  }

  /** Writes that wait for the one under way. */
  get pendingWrites(): number {
    return this.#queue.pending;
  }

  /** Only what frees space or cannot wait should be written now: leases, failovers, deletes. */
  get nearlyFull(): boolean {
    return this.#reserve?.nearlyFull ?? false;
  }

  /** Free on its file system; null while no reserve is kept. */
  get availableBytes(): number | null {
    return this.#reserve?.availableBytes ?? null;
  }

  /** Keeps space for what cannot wait, from now on until `close`. */
  async keepReserve(): Promise<void> {
    this.#reserve ??= await this.disk.openReserve((error) => this.#queue.fail(error));
  }

  /** Why this member's state is not trusted (any more), as it was said in an earlier life. */
  get isolation(): string | null {
    return this.disk.isolation;
  }

  /** Remembers it for every later life; durable when it resolves. */
  isolate(finding: string): Promise<void> {
    return this.disk.isolate(finding);
  }

  get applied(): AppliedMark {
    return this.#known().applied;
  }

  get groupId(): string {
    return this.#known().groupId;
  }

  get hardState(): HardState {
    return this.#known().hardState;
  }

  /** The newest one in the log, committed or not. */
  get membership(): Membership {
    const { memberships, base } = this.#known();
    return memberships.at(-1)?.membership ?? base.meta.membership;
  }

  get lastIndex(): LogIndex {
    return this.#known().tail.lastIndex;
  }

  get firstIndex(): LogIndex {
    return this.#known().base.meta.index + 1;
  }

  /** Gives a fresh directory its group, its seat and its first membership. */
  bootstrap(seat: FirstSeat): Promise<RecoveredLog & { readonly bootstrapped: true }> {
    return this.#queue.run(async () => {
      assert(this.#state === null, 'only a fresh directory is bootstrapped');
      const state = bootstrapState(seat);
      const { hardState } = state;
      await this.#lane.write({ hardState, confirmedBatch: 0, confirmedIndex: 0 });
      await this.disk.backend.batch(bootstrapOperations(state), { sync: true });
      this.#state = state;
      return recoveredOf(state, [], []);
    });
  }

  /**
   * Durable when it resolves.
   *
   * @throws StorageFailedError for this and every later write; the process must stop
   */
  write(request: WriteRequest): Promise<void> {
    return this.#queue.run(async () => {
      const before = this.#known();
      const plan = await planBatch(before, request, this.disk.backend, this.#loaded);
      const batch = this.disk.backend.batch(plan.operations, { sync: true });
      if (plan.after.hardState === before.hardState) await batch;
      else await Promise.all([batch, this.#guard(plan.after, before)]);
      this.#state = plan.after;
      if (request.persist?.snapshot != null) this.#afterSwitch();
      if (plan.after.batch - this.#confirmedBatch >= CONFIRM_EVERY_BATCHES) this.confirm();
    });
  }

  /**
   * Writes down in the guard file that everything so far is durable. Called now and then, at a quiet
   * moment: beside every batch it would double the syncs of a lone client, whose answer waits for one.
   */
  confirm(): void {
    const state = this.#known();
    if (state.batch === this.#confirmedBatch || this.#queue.failure !== null) return;
    this.#guard(state, state).catch((error: unknown) => this.#queue.fail(error));
  }

  /**
   * Gives this directory another seat, with the entries that say so, in one batch: only for tools that
   * make a new group out of what is left of one. A seat of before would take part in its elections.
   */
  reseat(seat: {
    readonly memberId: number;
    readonly hardState: HardState;
    readonly entries: readonly LogEntry[];
  }): Promise<void> {
    return this.#queue.run(async () => {
      const before = this.#known();
      const { memberId, hardState, entries } = seat;
      const persist = { seq: 0, hardState, truncateFrom: null, entries, snapshot: null };
      const plan = await planBatch(before, { persist }, this.disk.backend, null);
      const { groupId, directoryId } = before;
      const own = { groupId, memberId, directoryId };
      const identity = identityRecord({ formatVersion: FORMAT_VERSION, ...own });
      await this.disk.backend.batch([identity, ...plan.operations], { sync: true });
      const after = { ...plan.after, memberId };
      await this.#guard(after, after);
      this.#state = after;
    });
  }

  /** Both ends included; ends early at `maxBytes` (but gives one entry) and where the log ends. */
  readEntries(
    fromIndex: LogIndex,
    toIndex: LogIndex,
    maxBytes: number,
  ): Promise<readonly LogEntry[]> {
    const { generation, base } = this.#known();
    const place = { generation, baseIndex: base.meta.index };
    return readLogEntries(this.disk.backend, place, { fromIndex, toIndex, maxBytes });
  }

  /** @throws DamagedRecordError */
  async get(key: string): Promise<Uint8Array | null> {
    const bytes = stateKey(this.#known().generation, key);
    const record = await this.disk.backend.get(bytes);
    return record === undefined ? null : unsealRecord(bytes, record);
  }

  scan(range: ScanRange): AsyncGenerator<StateRecord> {
    return scanState(this.disk.backend, this.#known().generation, range);
  }

  /**
   * Drops log entries up to at most `index` (whole blocks: a few may stay).
   *
   * @returns the index up to which the log is gone
   */
  compactTo(index: LogIndex): Promise<LogIndex> {
    return this.#queue.run(async () => {
      const before = this.#known();
      assert(index <= before.applied.index, 'only applied entries are dropped', { index });
      const base = await compactedBase(this.disk.backend, before, index);
      if (base === null) return before.base.meta.index;
      const { generation } = before;
      const batch = before.batch + 1;
      const operations = [baseRecord({ ...base, generation }), markerOf(batch)];
      await this.disk.backend.batch(operations, { sync: true });
      const memberships = before.memberships.filter((mark) => mark.index > base.meta.index);
      const { membership } = base.meta;
      const first = { index: base.meta.index, membership };
      this.#state = { ...before, batch, base, memberships: [first, ...memberships] };
      this.removeLeftovers();
      return base.meta.index;
    });
  }

  /** The state at the present applied index, frozen. The caller closes it. */
  openStateSnapshot(): StateSnapshot {
    return new StateSnapshot(this.disk.backend, this.#known());
  }

  /** There is one staging file: a new receiver takes it over from the last. */
  openSnapshotReceiver(pieceBytes = SNAPSHOT_CHUNK_BYTES): SnapshotReceiver {
    const hooks = {
      reserveGeneration: async () => {
        this.#reserved = Math.max(this.#known().generation, this.#reserved) + 1;
        await this.#removing;
        return this.#reserved;
      },
      loaded: (snapshot: LoadedSnapshot | null) => {
        this.#loaded = snapshot;
        if (snapshot !== null) return;
        this.#reserved += 1;
        this.removeLeftovers();
      },
    };
    const write = (operations: readonly BackendOperation[]) => this.#writeCounted(operations);
    return new SnapshotReceiver(this.disk, write, hooks, pieceBytes);
  }

  /** Deletes what compaction and replaced generations left; unsynced, since losing it is harmless. */
  removeLeftovers(): void {
    const { generation, base } = this.#known();
    const kept = new Set([generation, Math.max(generation, this.#reserved)]);
    const old = { gte: logKey(generation, 0), lt: logKey(generation, base.meta.index + 1) };
    const ranges = [old, ...otherGenerations(kept)];
    this.#removing = this.#removing
      .then(() => removeRanges(this.disk.backend, ranges, (job) => this.#queue.run(job)))
      .catch((error: unknown) => {
        // What is left is in nobody's way: the next compaction, or the next start, removes it.
        if (!(error instanceof QueueFullError)) this.#queue.fail(error);
      });
  }

  /** Waits for writes under way, brings the guard file up to date and lets the directory go. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#queue.failure === null) {
      await this.#queue.run(async () => {
        if (this.#state !== null) await this.#guard(this.#state, this.#state);
        this.#queue.close(new StoreClosedError(this.directory));
      });
    }
    await this.#reserve?.close();
    await this.disk.close();
  }

  #known(): ReplicaState {
    assert(this.#state !== null, 'a fresh store is bootstrapped before it is used');
    return this.#state;
  }

  /** Counted like a batch of the log: when the disk loses it, recovery misses its number. */
  #writeCounted(operations: readonly BackendOperation[]): Promise<void> {
    return this.#queue.run(async () => {
      const before = this.#known();
      const batch = before.batch + 1;
      await this.disk.backend.batch([...operations, markerOf(batch)], { sync: true });
      this.#state = { ...before, batch };
    });
  }

  #guard(hard: ReplicaState, confirmed: ReplicaState): Promise<void> {
    this.#confirmedBatch = confirmed.batch;
    return this.#lane.write({
      hardState: hard.hardState,
      confirmedBatch: confirmed.batch,
      confirmedIndex: confirmed.tail.lastIndex,
    });
  }

  #afterSwitch(): void {
    this.#loaded = null;
    this.removeLeftovers();
  }
}
