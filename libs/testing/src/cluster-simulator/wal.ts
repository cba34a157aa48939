import { type Lsn, lsnOf, type TimelineId, timelineId } from '#libs/kernel';

/** An acknowledged or attempted write of a client; null for PostgreSQL's own records. */
export type WalRecord = { readonly endLsn: bigint; readonly write: number | null };

/**
 * One physical line of WAL. Its identity is the object: two branches with the same timeline id are what
 * PostgreSQL cannot tell apart, and the oracle can.
 */
export class Branch {
  readonly records: WalRecord[] = [];
  #ancestors: readonly Ancestor[] | null = null;
  #inherited: ReadonlyMap<Branch, number> | null = null;

  constructor(
    readonly timeline: TimelineId,
    readonly parent: Branch | null,
    /** Records of the parent that belong to this line. */
    readonly forkCount: number,
    readonly forkLsn: bigint,
  ) {}

  /** Every timeline of the line with where it was left, oldest first; it never changes. */
  get ancestors(): readonly Ancestor[] {
    this.#ancestors ??= this.#findAncestors();
    return this.#ancestors;
  }

  /** How many records of each earlier line belong to this one. */
  get inherited(): ReadonlyMap<Branch, number> {
    this.#inherited ??=
      this.parent === null
        ? new Map()
        : new Map([...this.parent.inherited, [this.parent, this.forkCount]]);
    return this.#inherited;
  }

  #findAncestors(): readonly Ancestor[] {
    const { parent } = this;
    if (parent === null) return [];
    if (parent.timeline === this.timeline) return parent.ancestors;
    return [...parent.ancestors, { timeline: parent.timeline, forkLsn: lsnOf(this.forkLsn) }];
  }
}

export type Ancestor = { readonly timeline: TimelineId; readonly forkLsn: Lsn };

/** What lies in one `pg_wal`: a branch, and how many of its records. Never changed, only replaced. */
export type Wal = { readonly branch: Branch; readonly count: number };

const FIRST_LSN = 0x100_0000n;

export function firstWal(): Wal {
  return { branch: new Branch(timelineId(1), null, 0, FIRST_LSN), count: 0 };
}

export function endOf({ branch, count }: Wal): Lsn {
  return lsnOf(branch.records[count - 1]?.endLsn ?? branch.forkLsn);
}

/** Appends; where another has written here already, the line forks without PostgreSQL noticing. */
export function append(wal: Wal, bytes: number, write: number | null): Wal {
  const record = { endLsn: endOf(wal) + BigInt(bytes), write };
  const { branch, count } = wal;
  if (branch.records.length === count) {
    branch.records.push(record);
    return { branch, count: count + 1 };
  }
  const twin = new Branch(branch.timeline, branch, count, endOf(wal));
  twin.records.push(record);
  return { branch: twin, count: 1 };
}

export function promoted(wal: Wal, timeline: TimelineId): Wal {
  return { branch: new Branch(timeline, wal.branch, wal.count, endOf(wal)), count: 0 };
}

/** True when everything in `part` lies in `whole`, physically. */
export function isPrefix(part: Wal, whole: Wal): boolean {
  const there =
    whole.branch === part.branch ? whole.count : whole.branch.inherited.get(part.branch);
  if (there !== undefined) return part.count <= there;
  // Nothing was written on it yet: the same as its parent up to there.
  if (part.count > 0 || part.branch.parent === null) return false;
  return isPrefix({ branch: part.branch.parent, count: part.branch.forkCount }, whole);
}

/** As history files tell it. */
export function ancestorsOf({ branch }: Wal): readonly Ancestor[] {
  return branch.ancestors;
}
