import type { Clock, EpochMs } from '#libs/kernel';
import type { Service } from '#libs/leader';
import type { Membership } from '#libs/raft';
import type { Log } from '../log.ts';
import { noteClockAhead, noteClockBehind, type Told } from './clock-watch.ts';
import type { PeerClocks } from './peer-clocks.ts';

export type AheadWatchParts = {
  readonly host: Told['host'] & { readonly status: () => { readonly membership: Membership } };
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly log: Log;
  readonly clocks: PeerClocks;
};

type Leads = Pick<Service, 'term'> & {
  readonly observations: Pick<Service['observations'], 'clockJumped'>;
};

/**
 * Whether the clock of a leader that began to serve is ahead of the others' (safety 23): told once, as soon as those
 * of a majority are known. Steps of it after that are `ClockWatch`'s.
 */
export class AheadWatch {
  readonly #parts: AheadWatchParts;
  #beganAt: EpochMs;
  #judged: number | null = null;

  constructor(parts: AheadWatchParts) {
    this.#parts = parts;
    this.#beganAt = parts.clock.nowMs();
  }

  began(service: Leads): void {
    this.#beganAt = this.#parts.clock.nowMs();
    noteClockBehind(this.#parts, service, this.#beganAt);
    this.look(service);
  }

  look(service: Leads): void {
    if (this.#judged === service.term) return;
    const { host, clock, clocks } = this.#parts;
    const members = host.status().membership.members.map(({ id }) => id);
    const aheadMs = clocks.aheadOfMostMs(members);
    if (aheadMs === null) return;
    this.#judged = service.term;
    const beganAt = this.#beganAt;
    noteClockAhead(this.#parts, service, { aheadMs, wallAt: clock.nowMs(), beganAt });
  }
}
