import {
  DigestPoll,
  type DigestReport,
  type EventStore,
  type Mark,
  type Oddity,
} from '#libs/event-store';
import { Feature } from '#libs/protocol';
import type { MemberId, Membership, RaftStatus } from '#libs/raft';
import type { Log } from './log.ts';
import { type ProposingLog, proposeCommand, type ReplicatedLog } from './replicated-log.ts';

/** A replicated log with the state of this member, which may turn out not to be that of the others. */
export interface WatchedLog extends ProposingLog, Pick<ReplicatedLog, 'role' | 'nowMs'> {
  readonly store: ProposingLog['store'] & Pick<EventStore, 'protocol' | 'checks'>;
  readonly applies: { readonly membership: { readonly membership: Membership } };
  /** What is wrong with the state; null while nothing is known. */
  readonly isolated: string | null;
  isolate(finding: string): void;
  status(): Pick<RaftStatus, 'self'>;
}

export type StateWatchOptions = {
  readonly host: WatchedLog;
  readonly network: {
    tell(to: MemberId, digest: Mark & { readonly type: 'digest' }): boolean;
  };
  readonly log: Log;
  readonly nameOf: (id: MemberId) => string | null;
  readonly checkEveryMs: number;
};

/** States are compared this often: often enough to notice, two entries a minute. */
export const CHECK_EVERY_MS = 30_000;

/**
 * Compares the states of all members through the log. The leader appends a check now and then; whoever
 * applies it tells the leader its digest at that place; the next check says what the majority had. The
 * member whose own differs isolates itself (etcd finds such members only when it is told to look).
 */
export class StateWatch {
  readonly #options: StateWatchOptions;
  readonly #poll = new DigestPoll();
  #seen: Mark | null = null;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #term = 0;
  #underWay = false;
  mismatches = 0;

  constructor(options: StateWatchOptions) {
    this.#options = options;
  }

  /** A follower's word about its state. */
  reported(report: DigestReport): void {
    this.#poll.take(report);
  }

  /** The leader appends a check when one is due. */
  tick(term: number): void {
    const { host, checkEveryMs } = this.#options;
    if (host.store.protocol < Feature.stateChecks || this.#underWay) return;
    if (term !== this.#term) {
      this.#term = term;
      // At once: a check that another leader began is never judged.
      this.#checkedMs = Number.NEGATIVE_INFINITY;
    }
    const now = host.nowMs();
    if (now - this.#checkedMs < checkEveryMs) return;
    this.#checkedMs = now;
    this.#check();
  }

  /** After what was applied in this turn: tells of a new mark, and looks at the own state. */
  afterApply(): void {
    const { host, network } = this.#options;
    const { newest, oddity } = host.store.checks;
    if (oddity !== null && host.isolated === null) host.isolate(findingOf(oddity));
    if (newest === null || newest === this.#seen) return;
    this.#seen = newest;
    const { leader } = host.role;
    const { self } = host.status();
    const { index, digest } = newest;
    if (leader === self) this.#poll.take({ member: self, index, digest });
    else if (leader !== 0) network.tell(leader, { type: 'digest', index, digest });
  }

  #check(): void {
    const { host } = this.#options;
    const { voters, outgoing } = host.applies.membership.membership;
    const verdict = outgoing.length === 0 ? this.#poll.verdict(voters) : null;
    for (const id of verdict?.odd ?? []) this.#tell(id);
    const { index, digest } = verdict ?? { index: 0, digest: 0 };
    this.#underWay = true;
    proposeCommand(
      host,
      { type: 'check', index, digest },
      {
        onApplied: () => {
          this.#underWay = false;
        },
        onLost: () => {
          this.#underWay = false;
        },
      },
    );
  }

  #tell(id: MemberId): void {
    this.mismatches += 1;
    const name = this.#options.nameOf(id) ?? String(id);
    this.#options.log.error('a controller holds another state than the majority', {
      controller: name,
      remedy: `matriarch controllers replace ${name} --by NEW --address HOST:PORT`,
    });
  }
}

function findingOf({ index, expected, found }: Oddity): string {
  const [was, should] = [found, expected].map((digest) => digest.toString(16).padStart(8, '0'));
  return `its state at log index ${index} has digest ${was}, a majority has ${should}`;
}
