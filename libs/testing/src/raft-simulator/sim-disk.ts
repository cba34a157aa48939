import { present } from '#libs/kernel';
import type {
  HardState,
  LogEntry,
  LogIndex,
  Membership,
  PersistBatch,
  SnapshotMeta,
  Term,
} from '#libs/raft';
import { entryHash } from './hashes.ts';
import { NO_RECORDS, type RegisterRecords } from './sim-registers.ts';

/** What a snapshot holds: the digest of everything applied up to its index. */
export type SnapshotBody = {
  readonly meta: SnapshotMeta;
  readonly digest: number;
  readonly registers: RegisterRecords;
};

type MembershipAt = { readonly index: LogIndex; readonly membership: Membership };

/** A log with the hash of the whole prefix kept for each entry, so that two logs compare in O(1). */
export class HashedLog {
  firstIndex: LogIndex;
  entries: LogEntry[] = [];
  #hashes: number[] = [];
  /** Those among its entries: they are asked for after each turn of each member. */
  #memberships: MembershipAt[] = [];
  baseTerm: Term;
  baseHash: number;

  constructor(baseIndex: LogIndex, baseTerm: Term, baseHash: number) {
    this.firstIndex = baseIndex + 1;
    this.baseTerm = baseTerm;
    this.baseHash = baseHash;
  }

  get lastIndex(): LogIndex {
    return this.firstIndex + this.entries.length - 1;
  }

  covers(index: LogIndex): boolean {
    return index >= this.firstIndex - 1 && index <= this.lastIndex;
  }

  hashAt(index: LogIndex): number {
    if (index === this.firstIndex - 1) return this.baseHash;
    return present(this.#hashes[index - this.firstIndex], 'the log covers the index');
  }

  termAt(index: LogIndex): Term {
    return index === this.firstIndex - 1 ? this.baseTerm : this.at(index).term;
  }

  at(index: LogIndex): LogEntry {
    return present(this.entries[index - this.firstIndex], 'the log holds the index');
  }

  append(entry: LogEntry): number {
    const hash = entryHash(this.hashAt(this.lastIndex), entry);
    this.entries.push(entry);
    this.#hashes.push(hash);
    if (entry.kind === 'membership') {
      this.#memberships.push({ index: this.lastIndex, membership: entry.membership });
    }
    return hash;
  }

  truncateFrom(index: LogIndex): void {
    const kept = Math.max(0, index - this.firstIndex);
    this.entries.length = Math.min(this.entries.length, kept);
    this.#hashes.length = this.entries.length;
    this.#memberships = this.#memberships.filter((each) => each.index <= this.lastIndex);
  }

  compactTo(index: LogIndex): void {
    if (index < this.firstIndex) return;
    this.baseHash = this.hashAt(index);
    this.baseTerm = this.termAt(index);
    const dropped = index - this.firstIndex + 1;
    this.entries = this.entries.slice(dropped);
    this.#hashes = this.#hashes.slice(dropped);
    this.firstIndex = index + 1;
    this.#memberships = this.#memberships.filter((each) => each.index > index);
  }

  reset(baseIndex: LogIndex, baseTerm: Term, baseHash: number): void {
    this.entries = [];
    this.#hashes = [];
    this.#memberships = [];
    this.firstIndex = baseIndex + 1;
    this.baseTerm = baseTerm;
    this.baseHash = baseHash;
  }

  /** The membership after everything up to `index`, given the one at the snapshot. */
  membershipAt(index: LogIndex, snapshot: SnapshotMeta): MembershipAt {
    const newest = this.#memberships.findLast((each) => each.index <= index);
    return newest !== undefined && newest.index > snapshot.index ? newest : snapshot;
  }
}

/** What survives a crash. Batches are atomic: one is there as a whole or not at all. */
export class StableMedia {
  hardState: HardState = { term: 0, vote: 0 };
  snapshot: SnapshotBody;
  readonly log = new HashedLog(0, 0, 0);
  /** The state machine's own store: what it had applied when it last synced. */
  applied: { index: LogIndex; digest: number; registers: RegisterRecords };

  constructor(bootstrap: Membership) {
    this.snapshot = emptyBody(bootstrap);
    this.applied = appliedBy(this.snapshot);
  }

  /** As on the first day. */
  reset(bootstrap: Membership): void {
    this.hardState = { term: 0, vote: 0 };
    this.snapshot = emptyBody(bootstrap);
    this.applied = appliedBy(this.snapshot);
    this.log.reset(0, 0, 0);
  }

  /** Entries from `fromIndex` on; none when that is compacted. */
  stored(fromIndex: LogIndex, maxBytes: number): readonly LogEntry[] {
    const { log } = this;
    if (!log.covers(fromIndex) || fromIndex < log.firstIndex) return [];
    const at = fromIndex - log.firstIndex;
    return log.entries.slice(at, at + Math.max(1, Math.floor(maxBytes / 60)));
  }

  write(batch: PersistBatch, body: SnapshotBody | null): void {
    if (batch.snapshot !== null && body !== null) {
      this.snapshot = body;
      this.applied = appliedBy(body);
      this.log.reset(body.meta.index, body.meta.term, body.digest);
    }
    if (batch.truncateFrom !== null) this.log.truncateFrom(batch.truncateFrom);
    for (const entry of batch.entries) this.log.append(entry);
    if (batch.hardState !== null) this.hardState = batch.hardState;
  }
}

/** What is applied once the state of `body` is stored. */
export function appliedBy({ meta, digest, registers }: SnapshotBody): StableMedia['applied'] {
  return { index: meta.index, digest, registers };
}

function emptyBody(membership: Membership): SnapshotBody {
  return { meta: { index: 0, term: 0, membership }, digest: 0, registers: NO_RECORDS };
}
