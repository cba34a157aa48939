import { createHash } from 'node:crypto';
import { encode, membershipFields } from '#libs/protocol';
import type { SnapshotMeta } from '#libs/raft';
import type { LoadedSnapshot } from './batch-plan.ts';
import type { BackendOperation, OpenDisk } from './disk.ts';
import { SnapshotRejectedError } from './errors.ts';
import { stateKeyOfName } from './keys.ts';
import type { AppliedMark } from './replica-state.ts';
import { sealRecord } from './sealed-record.ts';
import { type ReceivedRecord, SnapshotParser } from './snapshot-format.ts';
import { SNAPSHOT_CHUNK_BYTES } from './state-snapshot.ts';

/** The staging file begins with a page that says which snapshot it holds. */
const HEADER_BYTES = 64 * 1_024;
const HEADER_KEY = Buffer.from('incoming snapshot');

type Hooks = {
  /** A generation for this snapshot alone, once nothing of an older one is left under it. */
  readonly reserveGeneration: () => Promise<number>;
  /** Null: the sealed snapshot is given up. */
  readonly loaded: (snapshot: LoadedSnapshot | null) => void;
};

/**
 * Receives one snapshot into a file that outlives the process. Nothing of it is visible before the
 * batch that carries `snapshot`: `seal` checks the hash and writes the state under a new generation,
 * the batch switches to it.
 */
export class SnapshotReceiver {
  #meta: SnapshotMeta | null = null;
  #storedBytes = 0;

  constructor(
    private readonly disk: OpenDisk,
    private readonly writeState: (operations: readonly BackendOperation[]) => Promise<void>,
    private readonly hooks: Hooks,
    /** No piece is longer: so much, at most, was being written when a process ended. */
    private readonly pieceBytes: number,
  ) {}

  /** Bytes on stable storage, of the snapshot named last in `begin`. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /**
   * Names the snapshot that is to come.
   *
   * @returns bytes of it that are stored already: the sender goes on from there
   */
  async begin(meta: SnapshotMeta): Promise<number> {
    const header = headerOf(meta);
    const found = await this.disk.staging.read(0, HEADER_BYTES);
    if (Buffer.compare(found, header) === 0) {
      const size = (await this.disk.staging.sizeBytes()) - HEADER_BYTES;
      // The piece that was being written when the process ended may be torn: it is sent again.
      const whole = Math.max(0, size - this.pieceBytes);
      this.#storedBytes = this.#meta === null ? whole : this.#storedBytes;
    } else {
      await this.disk.staging.truncate(0);
      await this.disk.staging.write(0, header);
      this.#storedBytes = 0;
    }
    this.#meta = meta;
    return this.#storedBytes;
  }

  /**
   * Stores a piece, unless it leaves a gap; durable when it resolves.
   *
   * @returns bytes stored so far
   */
  async write(offset: number, bytes: Uint8Array): Promise<number> {
    if (offset > this.#storedBytes) return this.#storedBytes;
    const fresh = bytes.subarray(this.#storedBytes - offset);
    if (fresh.length > 0) {
      await this.disk.staging.write(HEADER_BYTES + this.#storedBytes, fresh);
      this.#storedBytes += fresh.length;
    }
    return this.#storedBytes;
  }

  /**
   * Checks the whole and writes its state beside the old one; after this `persist.snapshot` may name it.
   *
   * @throws SnapshotRejectedError: everything received is dropped, it starts again at 0
   */
  async seal(sha256: Uint8Array): Promise<SnapshotMeta> {
    const meta = this.#meta;
    if (meta === null) throw new SnapshotRejectedError('none was begun');
    try {
      await this.#checkHash(sha256);
      const generation = await this.hooks.reserveGeneration();
      const applied = await this.#load(generation);
      if (applied.index !== meta.index || applied.term !== meta.term) {
        throw new SnapshotRejectedError(`it is of index ${applied.index}, not ${meta.index}`);
      }
      this.hooks.loaded({ generation, meta, applied });
      return meta;
    } finally {
      await this.#clear();
    }
  }

  /** Gives up what was received, sealed or not. */
  async discard(): Promise<void> {
    this.hooks.loaded(null);
    await this.#clear();
  }

  async #clear(): Promise<void> {
    this.#meta = null;
    this.#storedBytes = 0;
    await this.disk.staging.truncate(0);
  }

  async #checkHash(expected: Uint8Array): Promise<void> {
    const hash = createHash('sha256');
    for await (const piece of this.#storedPieces()) hash.update(piece);
    if (Buffer.compare(hash.digest(), expected) !== 0) {
      throw new SnapshotRejectedError('its SHA-256 is not the announced one');
    }
  }

  async #load(generation: number): Promise<AppliedMark> {
    const parser = new SnapshotParser();
    for await (const piece of this.#storedPieces()) {
      const operations = parser.push(piece).map((record) => putInto(generation, record));
      if (operations.length === 0) continue;
      await this.writeState(operations);
    }
    return parser.finish();
  }

  async *#storedPieces(): AsyncGenerator<Uint8Array> {
    for (let offset = 0; offset < this.#storedBytes; offset += SNAPSHOT_CHUNK_BYTES) {
      const length = Math.min(SNAPSHOT_CHUNK_BYTES, this.#storedBytes - offset);
      yield await this.disk.staging.read(HEADER_BYTES + offset, length);
    }
  }
}

function headerOf(meta: SnapshotMeta): Uint8Array {
  const page = Buffer.alloc(HEADER_BYTES);
  const body = encode([meta.index, meta.term, membershipFields(meta.membership)]);
  const record = sealRecord(HEADER_KEY, body);
  page.writeUInt32LE(record.length, 0);
  page.set(record, 4);
  return page;
}

function putInto(generation: number, record: ReceivedRecord): BackendOperation {
  const key = stateKeyOfName(generation, record.name);
  return { type: 'put', key, value: sealRecord(key, record.value) };
}
