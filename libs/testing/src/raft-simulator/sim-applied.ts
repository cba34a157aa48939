import type { LogEntry, LogIndex, Membership, Term } from '#libs/raft';
import { entryHash } from './hashes.ts';
import { Violation } from './oracle.ts';
import type { SnapshotBody } from './sim-disk.ts';

/** The replicated state machine: its whole state is the digest of what it applied. */
export class SimApplied {
  constructor(
    public index: LogIndex,
    public term: Term,
    public digest: number,
    public membership: Membership,
  ) {}

  /** False when a snapshot has brought the entry already. */
  apply(entry: LogEntry): boolean {
    if (entry.index <= this.index) return false;
    if (entry.index !== this.index + 1) {
      throw new Violation('entries are applied in order', { index: entry.index });
    }
    this.index = entry.index;
    this.term = entry.term;
    this.digest = entryHash(this.digest, entry);
    if (entry.kind === 'membership') this.membership = entry.membership;
    return true;
  }

  /** False when the snapshot is older than what is applied. */
  restore({ meta, digest }: SnapshotBody): boolean {
    if (meta.index <= this.index) return false;
    this.index = meta.index;
    this.term = meta.term;
    this.digest = digest;
    this.membership = meta.membership;
    return true;
  }

  get snapshot(): SnapshotBody {
    const { index, term, membership, digest } = this;
    return { meta: { index, term, membership }, digest };
  }
}
