import type { MemberId, RaftStatus } from '#libs/raft';
import type { Log } from '../log.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';

/** An order that holds a learner back must be repeated within this, or it is promoted after all. */
const HOLD_MS = 5_000;

/** The leader makes learners voters as soon as they hold the log, and nobody plans otherwise. */
export class Promoter {
  readonly #heldUntilMs = new Map<MemberId, number>();
  #refused = '';

  constructor(
    readonly host: RaftHost,
    readonly log: Log,
  ) {}

  /** This learner is to replace a voter, in one change with its removal. */
  hold(id: MemberId): void {
    this.#heldUntilMs.set(id, this.host.nowMs() + HOLD_MS);
  }

  tick(): void {
    const status = this.host.status();
    const { learners, outgoing, members } = status.membership;
    if (learners.length === 0 || outgoing.length > 0) return;
    const now = this.host.nowMs();
    const ready = learners.find(
      (id) => (this.#heldUntilMs.get(id) ?? 0) <= now && holdsLog(status, id),
    );
    if (ready === undefined) return;
    const name = members.find(({ id }) => id === ready)?.name;
    const result = this.host.changeMembership({ type: 'promote', id: ready });
    if (result.accepted) this.log.info('learner becomes voter', { name, id: ready });
    const refusal = result.accepted ? '' : `${ready}: ${result.refusal}`;
    const passing = refusal === '' || refusal.endsWith('membershipChangePending');
    if (refusal !== this.#refused && !passing) {
      this.log.warn('learner not promoted', { name, id: ready, why: refusal });
    }
    this.#refused = refusal;
  }
}

/** It answers, and lacks nothing but what is on its way. */
export function holdsLog(status: RaftStatus, id: MemberId): boolean {
  const peer = status.peers.find((known) => known.id === id);
  if (peer === undefined || peer.state !== 'replicate' || !peer.recentlyActive) return false;
  return peer.matchIndex > 0 && peer.matchIndex >= status.commitIndex;
}
