import { createHash } from 'node:crypto';
import { decode, encode, Fields, membershipFields, membershipOf } from '#libs/protocol';
import type { SnapshotMeta } from '#libs/raft';
import { BackupDamagedError } from './errors.ts';
import type { StateSnapshot } from './state-snapshot.ts';

/**
 * A backup file:
 *
 *   magic:8 length:u32 header:msgpack snapshot:bytes sha256:32
 *
 * The snapshot is the same stream that a follower would receive; the SHA-256 covers all before it.
 */
const MAGIC = Buffer.from('MTRBKUP1');
const FORMAT_VERSION = 1;
const LENGTH_BYTES = 4;
const HEADER_BYTES_MAX = 1_024 * 1_024;
const SHA256_BYTES = 32;

export type BackupHeader = {
  readonly groupId: string;
  /** Of the controllers that made it. */
  readonly incarnation: string;
  readonly meta: SnapshotMeta;
  /** The state's digest at `meta.index`, as members compare it. */
  readonly digest: Uint8Array;
  /** Milliseconds since 1970 by the clock of the controller that made it. */
  readonly madeAtMs: number;
};

/** The bytes of a backup of `snapshot`, which the caller closes. @throws DamagedRecordError */
export async function* backupOf(
  snapshot: StateSnapshot,
  source: Pick<BackupHeader, 'groupId' | 'incarnation' | 'madeAtMs'>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const { meta, digest } = snapshot;
  const head = encodeHeader({ ...source, meta, digest });
  hash.update(head);
  yield head;
  for await (const { bytes } of snapshot.pieces()) {
    hash.update(bytes);
    yield bytes;
  }
  yield hash.digest();
}

/** Reads a backup as it comes; nothing of it counts before `finish` has compared the SHA-256. */
export class BackupReader {
  readonly #hash = createHash('sha256');
  /** Of the snapshot alone. */
  readonly #snapshotHash = createHash('sha256');
  #held: Buffer = Buffer.alloc(0);
  #header: BackupHeader | null = null;

  /** Null until it has come. */
  get header(): BackupHeader | null {
    return this.#header;
  }

  /** @returns bytes of the snapshot; the last 32 so far are held back. @throws BackupDamagedError */
  push(piece: Uint8Array): Uint8Array {
    this.#held = Buffer.concat([this.#held, piece]);
    if (this.#header === null && !this.#readHeader()) return new Uint8Array();
    const freeBytes = this.#held.length - SHA256_BYTES;
    if (freeBytes <= 0) return new Uint8Array();
    const bytes = this.#held.subarray(0, freeBytes);
    this.#held = this.#held.subarray(freeBytes);
    this.#hash.update(bytes);
    this.#snapshotHash.update(bytes);
    return bytes;
  }

  /** @throws BackupDamagedError */
  finish(): { readonly header: BackupHeader; readonly snapshotSha256: Uint8Array } {
    if (this.#header === null || this.#held.length !== SHA256_BYTES) {
      throw new BackupDamagedError('it ends early');
    }
    if (Buffer.compare(this.#hash.digest(), this.#held) !== 0) {
      throw new BackupDamagedError('its SHA-256 is not the one at its end');
    }
    return { header: this.#header, snapshotSha256: this.#snapshotHash.digest() };
  }

  #readHeader(): boolean {
    const startBytes = MAGIC.length + LENGTH_BYTES;
    const compared = Math.min(this.#held.length, MAGIC.length);
    if (!this.#held.subarray(0, compared).equals(MAGIC.subarray(0, compared))) {
      throw new BackupDamagedError('it does not begin as a backup of controllers');
    }
    if (this.#held.length < startBytes) return false;
    const lengthBytes = this.#held.readUInt32LE(MAGIC.length);
    if (lengthBytes > HEADER_BYTES_MAX) throw new BackupDamagedError('its header is too long');
    const end = startBytes + lengthBytes;
    if (this.#held.length < end) return false;
    const head = this.#held.subarray(0, end);
    this.#header = decodeHeader(head.subarray(startBytes));
    this.#hash.update(head);
    this.#held = this.#held.subarray(end);
    return true;
  }
}

function encodeHeader(header: BackupHeader): Uint8Array {
  const { groupId, incarnation, meta, digest, madeAtMs } = header;
  const { index, term, membership } = meta;
  const fields = [FORMAT_VERSION, groupId, incarnation, index, term];
  const body = encode([...fields, membershipFields(membership), digest, madeAtMs]);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(body.length, 0);
  return Buffer.concat([MAGIC, length, body]);
}

function decodeHeader(body: Uint8Array): BackupHeader {
  try {
    return headerOf(new Fields('a backup header', decode(body)));
  } catch (cause) {
    if (cause instanceof BackupDamagedError) throw cause;
    throw new BackupDamagedError('its header does not parse', { cause });
  }
}

function headerOf(fields: Fields): BackupHeader {
  const version = fields.integer('version');
  if (version !== FORMAT_VERSION) {
    throw new BackupDamagedError(`format ${version} is not known, ${FORMAT_VERSION} is`);
  }
  const groupId = fields.text('group id');
  const incarnation = fields.text('incarnation');
  const index = fields.integer('index');
  const term = fields.integer('term');
  const membership = membershipOf(fields.list('membership', 4));
  const digest = fields.bytes('digest');
  const madeAtMs = fields.integer('made at');
  return { groupId, incarnation, meta: { index, term, membership }, digest, madeAtMs };
}
