import { createHash } from 'node:crypto';
import type { SnapshotMeta } from '#libs/raft';
import type { Backend, BackendSnapshot } from './disk.ts';
import { stateNameOf, stateRange } from './keys.ts';
import { membershipAt, type ReplicaState } from './replica-state.ts';
import { unsealRecord } from './sealed-record.ts';
import { encodeStateRecord, snapshotHeader } from './snapshot-format.ts';

export const SNAPSHOT_CHUNK_BYTES = 256 * 1_024;
const RECORDS_PER_READ = 256;
/** A place to go on from is remembered about every so many bytes. */
const CHECKPOINT_BYTES = 4 * 1_024 * 1_024;

export type SnapshotPiece = {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly last: boolean;
  /** Of the whole snapshot; only with the last piece. */
  readonly sha256: Uint8Array | null;
};

type Checkpoint = { readonly offset: number; readonly after: Uint8Array | null };

/**
 * The replicated state at one applied index as one stream of bytes: the same bytes on every member
 * that has this state. It holds a LevelDB snapshot, so it must be closed.
 */
export class StateSnapshot {
  readonly meta: SnapshotMeta;
  /** The caller's digest of the state, as it was given with the last write. */
  readonly digest: Uint8Array;
  readonly #header: Uint8Array;
  readonly #generation: number;
  readonly #frozen: BackendSnapshot;
  readonly #hash = createHash('sha256');
  #hashedBytes = 0;
  #sha256: Uint8Array | null = null;
  readonly #checkpoints: Checkpoint[] = [];

  constructor(
    private readonly backend: Backend,
    state: ReplicaState,
  ) {
    const { index, term } = state.applied;
    this.meta = { index, term, membership: membershipAt(state, index).membership };
    this.digest = state.applied.digest;
    this.#header = snapshotHeader(state.applied);
    this.#generation = state.generation;
    this.#frozen = backend.snapshot();
  }

  /**
   * Pieces of at most `pieceBytes` from `fromOffset` on; one reader at a time.
   *
   * @throws DamagedRecordError
   */
  async *pieces(fromOffset = 0, pieceBytes = SNAPSHOT_CHUNK_BYTES): AsyncGenerator<SnapshotPiece> {
    let held: Uint8Array[] = [];
    let heldBytes = 0;
    let offset = fromOffset;
    const take = (lengthBytes: number): Uint8Array => {
      const all = Buffer.concat(held);
      held = [all.subarray(lengthBytes)];
      heldBytes -= lengthBytes;
      return all.subarray(0, lengthBytes);
    };
    for await (const part of this.#parts(fromOffset)) {
      held.push(part);
      heldBytes += part.length;
      while (heldBytes > pieceBytes) {
        const bytes = take(pieceBytes);
        yield { offset, bytes, last: false, sha256: null };
        offset += bytes.length;
      }
    }
    yield { offset, bytes: take(heldBytes), last: true, sha256: this.#finish() };
  }

  close(): Promise<void> {
    return this.#frozen.close();
  }

  /** Records from the one that covers `fromOffset`; what was not hashed yet is hashed on the way. */
  async *#parts(fromOffset: number): AsyncGenerator<Uint8Array> {
    const reachable = Math.min(fromOffset, this.#hashedBytes);
    const start = this.#checkpoints.findLast((mark) => mark.offset <= reachable);
    let offset = start?.offset ?? 0;
    const pass = (bytes: Uint8Array): Uint8Array | null => {
      this.#hashUnseen(offset, bytes);
      const skip = Math.max(0, fromOffset - offset);
      offset += bytes.length;
      return skip < bytes.length ? bytes.subarray(skip) : null;
    };
    if (start === undefined) {
      const header = pass(this.#header);
      if (header !== null) yield header;
    }
    for await (const { key, bytes } of this.#records(start?.after ?? null)) {
      const visible = pass(bytes);
      this.#remember({ offset, after: key });
      if (visible !== null) yield visible;
    }
  }

  async *#records(
    after: Uint8Array | null,
  ): AsyncGenerator<{ readonly key: Uint8Array; readonly bytes: Uint8Array }> {
    const range = stateRange(this.#generation);
    const gte = after === null ? range.gte : Buffer.concat([after, Uint8Array.of(0)]);
    const iterator = this.backend.iterator({ gte, lt: range.lt, snapshot: this.#frozen });
    try {
      for (;;) {
        const records = await iterator.nextv(RECORDS_PER_READ);
        if (records.length === 0) return;
        for (const [key, record] of records) {
          yield { key, bytes: encodeStateRecord(stateNameOf(key), unsealRecord(key, record)) };
        }
      }
    } finally {
      await iterator.close();
    }
  }

  #hashUnseen(offset: number, bytes: Uint8Array): void {
    const seen = this.#hashedBytes - offset;
    if (seen >= bytes.length || this.#sha256 !== null) return;
    this.#hash.update(bytes.subarray(seen));
    this.#hashedBytes = offset + bytes.length;
  }

  #remember(mark: Checkpoint): void {
    const newest = this.#checkpoints.at(-1)?.offset ?? 0;
    if (mark.offset >= newest + CHECKPOINT_BYTES) this.#checkpoints.push(mark);
  }

  #finish(): Uint8Array {
    this.#sha256 ??= this.#hash.digest();
    return this.#sha256;
  }
}
