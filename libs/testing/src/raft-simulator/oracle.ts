import type {
  AppendResponse,
  LogEntry,
  LogIndex,
  MemberId,
  Membership,
  Message,
  Term,
} from '#libs/raft';
import { serialOf } from './hashes.ts';
import type { HashedLog, StableMedia } from './sim-disk.ts';
import { Violation } from './violation.ts';

/** What the oracle may see of a member. */
export type Witness = {
  readonly id: MemberId;
  readonly media: StableMedia;
  readonly mirror: HashedLog;
};

const TERM_SPAN = 1_000_000;

/** Knows the whole history and checks the invariants of reference/raft.md 3.5 in O(1) a step. */
export class Oracle {
  readonly #leaders = new Map<Term, MemberId>();
  readonly #votes = new Map<number, MemberId>();
  readonly #answeredRound = new Map<number, number>();
  /** The highest index that each member acknowledged in each term. */
  readonly #acknowledged = new Map<number, LogIndex>();
  readonly #hashByIndexAndTerm = new Map<number, number>();
  readonly #committedHash: number[] = [0];
  readonly #committedInTerm = new Map<Term, LogIndex>();
  readonly #serialIndex = new Map<number, LogIndex>();
  readonly #committedSerial = new Map<LogIndex, number>();
  readonly #voterChanges = new Set<number>();
  committedIndex: LogIndex = 0;
  newestServingTerm: Term = 0;
  newestAcknowledgedIndex: LogIndex = 0;

  leaderElected(
    term: Term,
    leader: MemberId,
    mirror: HashedLog,
    memberships: readonly Membership[],
  ): void {
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== leader) {
      throw new Violation('election safety', { term, known, leader });
    }
    if (known !== undefined) return;
    this.#leaders.set(term, leader);
    this.#electedByQuorum(term, leader, memberships);
    const at = this.#committedBefore(term);
    const complete =
      mirror.firstIndex > at + 1 ||
      (mirror.covers(at) && mirror.hashAt(at) === this.#committedHash[at]);
    if (!complete) throw new Violation('leader completeness', { term, leader, committedIndex: at });
  }

  /** Who becomes leader was voted for by a quorum of its membership, of both halves of a joint one. */
  #electedByQuorum(term: Term, leader: MemberId, memberships: readonly Membership[]): void {
    const voted = (id: MemberId): boolean =>
      id === leader || this.#votes.get(id * TERM_SPAN + term) === leader;
    if (memberships.some((membership) => isQuorumOf(membership, voted))) return;
    throw new Violation('a leader is elected by a quorum', { term, leader });
  }

  /** Votes may reach a paused candidate late: what newer leaders have committed is not asked of it. */
  #committedBefore(term: Term): LogIndex {
    let newest = 0;
    for (const [committedIn, index] of this.#committedInTerm) {
      if (committedIn < term) newest = Math.max(newest, index);
    }
    return newest;
  }

  leaderOf(term: Term): MemberId | undefined {
    return this.#leaders.get(term);
  }

  serving(term: Term): void {
    this.newestServingTerm = Math.max(this.newestServingTerm, term);
  }

  /** Two logs that agree on index and term agree on everything before. */
  appended(entry: LogEntry, hash: number, id: MemberId): void {
    const key = entry.index * TERM_SPAN + entry.term;
    const known = this.#hashByIndexAndTerm.get(key);
    if (known === undefined) this.#hashByIndexAndTerm.set(key, hash);
    else if (known !== hash) {
      throw new Violation('log matching', { index: entry.index, term: entry.term, id });
    }
  }

  /** Consecutive configurations overlap, and one is finished before the next begins. */
  membershipAppended(
    entry: LogEntry & { readonly kind: 'membership' },
    before: { readonly index: LogIndex; readonly membership: Membership },
  ): void {
    const key = entry.index * TERM_SPAN + entry.term;
    if (this.#voterChanges.has(key)) return;
    this.#voterChanges.add(key);
    if (this.newestServingTerm < entry.term) {
      throw new Violation('a leader commits in its term before it changes the membership', {
        index: entry.index,
        term: entry.term,
      });
    }
    if (before.index > this.committedIndex) {
      throw new Violation('one membership change at a time', {
        index: entry.index,
        before: before.index,
      });
    }
    if (!overlaps(before.membership, entry.membership)) {
      throw new Violation('quorums of consecutive memberships overlap', {
        from: before.membership.voters,
        to: entry.membership.voters,
      });
    }
  }

  /** The newest membership of the log is in force, whether committed or not. */
  membershipInForce({ id, mirror, media }: Witness, membership: Membership): void {
    const inLog = mirror.membershipAt(mirror.lastIndex, media.snapshot.meta).membership;
    const same =
      sameIds(inLog.voters, membership.voters) && sameIds(inLog.outgoing, membership.outgoing);
    if (!same) throw new Violation('the membership is that of the log', { id, inLog, membership });
  }

  committed(witness: Witness, commitIndex: LogIndex): void {
    const { mirror, id } = witness;
    const from = Math.max(mirror.firstIndex, Math.min(this.committedIndex + 1, commitIndex));
    for (let index = from; index <= commitIndex; index += 1) {
      const hash = mirror.hashAt(index);
      const known = this.#committedHash[index];
      if (known === undefined) this.#newlyCommitted(mirror, index, hash);
      else if (known !== hash) throw new Violation('committed is immutable', { index, id });
    }
    this.committedIndex = Math.max(this.committedIndex, commitIndex);
  }

  /** Raft 5.4.2: a leader raises its commit index only to entries of its own term. */
  countedInOwnTerm(leader: Witness, index: LogIndex, term: Term): void {
    this.#committedInTerm.set(term, index);
    if (leader.mirror.covers(index) && leader.mirror.termAt(index) !== term) {
      throw new Violation('a leader counts entries of its own term', {
        id: leader.id,
        index,
        term,
      });
    }
  }

  #newlyCommitted(mirror: HashedLog, index: LogIndex, hash: number): void {
    this.#committedHash[index] = hash;
    const entry = mirror.at(index);
    if (entry.kind === 'command') this.#committedSerial.set(index, serialOf(entry.payload));
  }

  /** At the moment a leader raises its commit index, a quorum holds the entry on stable media. */
  committedOnQuorum(
    leader: Witness,
    index: LogIndex,
    memberships: readonly Membership[],
    mediaOf: (id: MemberId) => StableMedia | 'replaced' | undefined,
  ): void {
    if (!leader.mirror.covers(index)) return;
    const hash = leader.mirror.hashAt(index);
    const holds = (id: MemberId): boolean => {
      const media = mediaOf(id);
      if (media === undefined) return false;
      // It held what it acknowledged until its disk was replaced.
      if (media === 'replaced') return true;
      if (media.log.firstIndex > index + 1) return true;
      return media.log.covers(index) && media.log.hashAt(index) === hash;
    };
    if (memberships.some((membership) => isQuorumOf(membership, holds))) return;
    throw new Violation('committed is durable on a quorum', { index, leader: leader.id });
  }

  applied(index: LogIndex, digest: number, id: MemberId): void {
    const known = this.#committedHash[index];
    if (known !== digest) throw new Violation('state machine safety', { index, id, known, digest });
  }

  acknowledged(serial: number, index: LogIndex): void {
    const known = this.#serialIndex.get(serial);
    if (known !== undefined && known !== index) {
      throw new Violation('a command has one place', { serial, known, index });
    }
    this.#serialIndex.set(serial, index);
    this.newestAcknowledgedIndex = Math.max(this.newestAcknowledgedIndex, index);
  }

  /** A round is confirmed by a quorum of answers to it or to a later one, the leader's own included. */
  roundConfirmed(
    leader: MemberId,
    term: Term,
    round: number,
    memberships: readonly Membership[],
  ): void {
    const answered = (id: MemberId): boolean =>
      id === leader || (this.#answeredRound.get(id * TERM_SPAN + term) ?? 0) >= round;
    if (memberships.some((membership) => isQuorumOf(membership, answered))) return;
    throw new Violation('a round is answered by a quorum', { leader, term, round });
  }

  /** What a client was told is committed holds that command in the one committed history. */
  checkAcknowledged(): void {
    for (const [serial, index] of this.#serialIndex) {
      if (this.#committedSerial.get(index) !== serial) {
        throw new Violation('an acknowledged command is never lost', { serial, index });
      }
    }
  }

  /** A vote, an acknowledgement or a campaign rests on what is on stable media as it leaves. */
  promised(message: Message, witness: Witness, leaderMirror: HashedLog | null): void {
    const { hardState, log } = witness.media;
    if (message.type === 'heartbeatResponse') {
      const key = witness.id * TERM_SPAN + message.term;
      const newest = Math.max(this.#answeredRound.get(key) ?? 0, message.round);
      this.#answeredRound.set(key, newest);
    }
    if (message.type === 'voteResponse' && message.granted) {
      const key = witness.id * TERM_SPAN + message.term;
      const known = this.#votes.get(key);
      if (known !== undefined && known !== message.to) {
        throw new Violation('one vote in a term', { voter: witness.id, term: message.term });
      }
      this.#votes.set(key, message.to);
    }
    const vote = promisedVote(message);
    if (vote !== 0 && hardState.term <= message.term) {
      if (hardState.term < message.term || hardState.vote !== vote) {
        throw new Violation('a vote is durable before it is sent', { id: witness.id, message });
      }
    }
    if (message.type !== 'appendResponse') return;
    this.#keepsItsWord(witness.id, message);
    if (message.outcome !== 'matched') return;
    if (hardState.term < message.term || log.lastIndex < message.index) {
      throw new Violation('an acknowledged entry is durable', {
        id: witness.id,
        index: message.index,
        durable: log.lastIndex,
      });
    }
    const comparable = leaderMirror?.covers(message.index) === true && log.covers(message.index);
    if (comparable && hardState.term === message.term) {
      if (log.hashAt(message.index) !== leaderMirror?.hashAt(message.index)) {
        throw new Violation("an acknowledged entry equals the leader's", {
          id: witness.id,
          index: message.index,
        });
      }
    }
  }

  /** What was acknowledged in a term is not refused in it: only a later leader may take it back. */
  #keepsItsWord(id: MemberId, { term, index, outcome }: AppendResponse): void {
    const key = id * TERM_SPAN + term;
    const acknowledged = this.#acknowledged.get(key) ?? 0;
    if (outcome === 'matched') this.#acknowledged.set(key, Math.max(acknowledged, index));
    else if (index <= acknowledged) {
      throw new Violation('what was acknowledged is not refused', {
        id,
        term,
        index,
        acknowledged,
      });
    }
  }
}

function promisedVote(message: Message): MemberId | 0 {
  if (message.type === 'voteResponse') return message.granted ? message.to : 0;
  return message.type === 'voteRequest' ? message.from : 0;
}

function overlaps(from: Membership, to: Membership): boolean {
  const entersJoint = to.outgoing.length > 0;
  if (entersJoint) return from.outgoing.length === 0 && sameIds(from.voters, to.outgoing);
  if (from.outgoing.length > 0) return sameIds(from.voters, to.voters);
  const gone = from.voters.filter((id) => !to.voters.includes(id)).length;
  const come = to.voters.filter((id) => !from.voters.includes(id)).length;
  return gone + come <= 1;
}

export function isQuorumOf(membership: Membership, agrees: (id: MemberId) => boolean): boolean {
  return [membership.voters, membership.outgoing].every(
    (voters) => voters.length === 0 || voters.filter(agrees).length * 2 > voters.length,
  );
}

function sameIds(a: readonly MemberId[], b: readonly MemberId[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
