import type { LogIndex, RaftMachine, RoundId, RoundOutcome } from '#libs/raft';

/** While one round is under way another begins only after this long. */
const ROUND_INTERVAL_MS = 50;
/** More than every guard and agent of a large installation at once. */
const WAITING_MAX = 100_000;

/** So many that wait for the next beat are reason enough for a round of their own. */
const PATIENT_MAX = 16;

/**
 * `with-the-next-beat`: the round may begin with the heartbeats that leave anyway, within a heartbeat
 * interval. While nothing happens every answer is of that kind, so no round costs a message of its own.
 */
export type RoundPace = 'at-once' | 'with-the-next-beat';

export interface RoundOwner {
  /** Leadership was confirmed by a round begun after the request. */
  onConfirmed(readIndex: LogIndex): void;
  onUnconfirmed(): void;
}

/**
 * Confirmation of leadership for many at once: the first request begins a round, those that arrive
 * while it is under way share the next one (reference/raft.md 5.2).
 */
export class RoundScheduler {
  #waiting: RoundOwner[] = [];
  #urgent = false;
  readonly #underWay = new Map<
    RoundId,
    { readonly owners: RoundOwner[]; readonly begunMs: number }
  >();
  #begunMs = Number.NEGATIVE_INFINITY;

  constructor(readonly raft: RaftMachine) {}

  get waiting(): number {
    return this.#waiting.length;
  }

  request(owner: RoundOwner, pace: RoundPace = 'at-once'): void {
    if (this.#waiting.length >= WAITING_MAX) {
      owner.onUnconfirmed();
      return;
    }
    this.#waiting.push(owner);
    if (pace === 'at-once' || this.#waiting.length > PATIENT_MAX) this.#urgent = true;
  }

  /** Called once per turn, after all inputs. True when a round begins, which `takeOutput` sends. */
  beginWhenDue(nowMs: number): boolean {
    if (this.#waiting.length === 0) return false;
    if (!this.#urgent && !this.raft.beatDue) return false;
    if (this.#underWay.size > 0 && nowMs - this.#begunMs < ROUND_INTERVAL_MS) return false;
    const owners = this.#waiting;
    this.#waiting = [];
    this.#urgent = false;
    const begun = this.raft.confirmRound();
    if (!begun.accepted) {
      for (const owner of owners) owner.onUnconfirmed();
      return false;
    }
    this.#begunMs = nowMs;
    const joined = this.#underWay.get(begun.round);
    if (joined === undefined) this.#underWay.set(begun.round, { owners, begunMs: nowMs });
    else joined.owners.push(...owners);
    return true;
  }

  /** When the round had begun; null when nobody here had asked for it. */
  onOutcome(outcome: RoundOutcome): number | null {
    const ended = this.#underWay.get(outcome.round);
    if (ended === undefined) return null;
    this.#underWay.delete(outcome.round);
    for (const owner of ended.owners) {
      if (outcome.outcome === 'confirmed') owner.onConfirmed(outcome.readIndex);
      else owner.onUnconfirmed();
    }
    return ended.begunMs;
  }

  /** Leadership ended: nothing that waits can be confirmed any more. */
  loseAll(): void {
    const lost = [...this.#underWay.values()].flatMap(({ owners }) => owners).concat(this.#waiting);
    this.#underWay.clear();
    this.#waiting = [];
    this.#urgent = false;
    for (const owner of lost) owner.onUnconfirmed();
  }
}
