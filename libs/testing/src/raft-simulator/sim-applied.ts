import type { LogEntry, LogIndex, Membership, Term } from '#libs/raft';
import { entryHash } from './hashes.ts';
import type { SnapshotBody } from './sim-disk.ts';
import { NO_RECORDS, type SimRegisters } from './sim-registers.ts';
import { Violation } from './violation.ts';

/** The replicated state machine: the digest of what it applied, and the registers where there are any. */
export class SimApplied {
  constructor(
    public index: LogIndex,
    public term: Term,
    public digest: number,
    public membership: Membership,
    readonly registers: SimRegisters | null,
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
    this.registers?.apply(entry);
    return true;
  }

  /** False when the snapshot is older than what is applied. */
  restore({ meta, digest, registers }: SnapshotBody): boolean {
    if (meta.index <= this.index) return false;
    this.index = meta.index;
    this.term = meta.term;
    this.digest = digest;
    this.membership = meta.membership;
    this.registers?.restore(registers, meta.index);
    return true;
  }

  get snapshot(): SnapshotBody {
    const { index, term, membership, digest } = this;
    const registers = this.registers?.snapshot ?? NO_RECORDS;
    return { meta: { index, term, membership }, digest, registers };
  }
}
