import { type Lsn, lsnOf, type TimelineId, timelineId } from '#libs/kernel';

/** An acknowledged or attempted write of a client; null for PostgreSQL's own records. */
export type WalRecord = { readonly endLsn: bigint; readonly write: number | null };

/**
 * One physical line of WAL. Its identity is the object: two branches with the same timeline id are what
 * PostgreSQL cannot tell apart, and the oracle can.
 */
export class Branch {
  readonly records: WalRecord[] = [];

  constructor(
    readonly timeline: TimelineId,
    readonly parent: Branch | null,
    /** Records of the parent that belong to this line. */
    readonly forkCount: number,
    readonly forkLsn: bigint,
  ) {}
}

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
  let [branch, count]: [Branch | null, number] = [whole.branch, whole.count];
  while (branch !== null) {
    if (branch === part.branch) return part.count <= count;
    count = branch.forkCount;
    branch = branch.parent;
  }
  // Nothing was written on it yet: the same as its parent up to there.
  if (part.count > 0 || part.branch.parent === null) return false;
  return isPrefix({ branch: part.branch.parent, count: part.branch.forkCount }, whole);
}

/** Every timeline of the line with where it was left, oldest first; as history files tell it. */
export function ancestorsOf({ branch }: Wal): { timeline: TimelineId; forkLsn: Lsn }[] {
  const line: { timeline: TimelineId; forkLsn: Lsn }[] = [];
  for (let at = branch; at.parent !== null; at = at.parent) {
    if (at.parent.timeline === at.timeline) continue;
    line.unshift({ timeline: at.parent.timeline, forkLsn: lsnOf(at.forkLsn) });
  }
  return line;
}
