import type { LogEntry, LogIndex, Member, MemberId, Membership, Term } from './types.ts';

/** Founders have the seats 1 to 7. */
const FOUNDERS_MAX = 7;

/**
 * The seat of a member whose entry will stand at `index`. A committed index is never used again, so
 * no seat is given twice, whoever leads and whatever was compacted.
 */
export function seatAt(index: LogIndex): MemberId {
  return FOUNDERS_MAX + index;
}

export function isFounder(id: MemberId): boolean {
  return id <= FOUNDERS_MAX;
}

/**
 * With this entry behind its log a survivor goes on alone, in a seat that nobody ever had: what members
 * of before send is for nobody (forced groups only).
 */
export function aloneAt(
  survivor: Member,
  index: LogIndex,
  term: Term,
): LogEntry & { readonly kind: 'membership' } {
  const id = seatAt(index);
  const members = [{ ...survivor, id }];
  const membership: Membership = { members, voters: [id], outgoing: [], learners: [] };
  return { kind: 'membership', index, term, membership };
}
