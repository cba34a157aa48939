import type { Clock, Prng } from '#libs/kernel';
import type { Channel } from '#libs/protocol';

/** Milliseconds. Defaults are for a LAN. */
export type LinkTiming = {
  /** From the first SYN to the end of the TLS handshake. */
  readonly connectTimeoutMs: number;
  /** From there to the answer to the hello. */
  readonly helloTimeoutMs: number;
  /** How often a link is looked at; whoever dialled it pings when nothing was received since the last look. */
  readonly pingAfterMs: number;
  /** Nothing received for this long, by those looks: the peer is gone, whatever TCP thinks. */
  readonly peerSilenceMs: number;
  /** The first wait before another attempt; doubled each time, and drawn from [half, whole]. */
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /**
   * The same two while the link is not missed: others do what it would do. When a controller dies, thousands of guards
   * must have their processors for the election that follows, not for attempts to reach a closed port.
   */
  readonly reconnectCalmMinMs: number;
  readonly reconnectCalmMaxMs: number;
  /**
   * Between which the wait of one of thousands is drawn, each time: a controller that comes back is busy for some three
   * milliseconds with each of them, and their hosts as long, while the leader has their leases to renew.
   */
  readonly reconnectCrowdMinMs: number;
  readonly reconnectCrowdMaxMs: number;
};

/**
 * How much a link that is down is missed: by everything here, by nobody now, or by one of thousands for whom others do.
 * The first two also by one of thousands that are in trouble together: what each attempt costs, all pay.
 */
export type LinkNeed = 'missed' | 'calm' | 'crowd' | 'missed-in-crowd' | 'calm-in-crowd';

export const DEFAULT_LINK_TIMING: LinkTiming = {
  connectTimeoutMs: 2_000,
  helloTimeoutMs: 2_000,
  pingAfterMs: 1_000,
  peerSilenceMs: 3_000,
  reconnectMinMs: 50,
  reconnectMaxMs: 2_000,
  reconnectCalmMinMs: 3_000,
  reconnectCalmMaxMs: 15_000,
  reconnectCrowdMinMs: 60_000,
  reconnectCrowdMaxMs: 300_000,
};

/**
 * A guard is answered by the leading controller alone, and its renewals tell it sooner than any ping when that one is gone.
 * Thousands of guards that ask the others whether they are there cost those, and the hosts, as much as the renewals do.
 */
const GUARD_PATIENCE = 2;

/** So many times as long at most: attempts that nobody has time for end in more of them. */
const TROUBLE_PATIENCE = 4;

export type LivenessTiming = Pick<LinkTiming, 'pingAfterMs' | 'peerSilenceMs'>;

/** The same at both ends of a link, since the one that dialled pings for both. */
export function livenessTimingOf(timing: LinkTiming, channel: Channel): LivenessTiming {
  const patience = channel === 'guard' ? GUARD_PATIENCE : 1;
  return {
    pingAfterMs: patience * timing.pingAfterMs,
    peerSilenceMs: patience * timing.peerSilenceMs,
  };
}

export type LinkTime = { readonly clock: Clock; readonly prng: Prng };

/** How long to wait before attempt number `attempt` (from 1): doubling, capped, jittered; of a crowd spread evenly. */
export function reconnectDelayMs(
  timing: LinkTiming,
  attempt: number,
  prng: Prng,
  need: LinkNeed,
): number {
  const [firstMs, lastMs] = waitsOf(timing, need);
  if (need === 'crowd') return Math.round(firstMs + (lastMs - firstMs) * prng.unit());
  const whole = Math.min(lastMs, firstMs * 2 ** Math.min(attempt - 1, 20));
  return Math.round(whole * (0.5 + prng.unit() / 2));
}

function waitsOf(timing: LinkTiming, need: LinkNeed): readonly [number, number] {
  switch (need) {
    case 'missed':
      return [timing.reconnectMinMs, timing.reconnectMaxMs];
    case 'calm':
      return [timing.reconnectCalmMinMs, timing.reconnectCalmMaxMs];
    case 'crowd':
      return [timing.reconnectCrowdMinMs, timing.reconnectCrowdMaxMs];
    case 'missed-in-crowd':
      return [timing.reconnectMinMs, TROUBLE_PATIENCE * timing.reconnectMaxMs];
    case 'calm-in-crowd':
      return [timing.reconnectCalmMinMs, TROUBLE_PATIENCE * timing.reconnectCalmMaxMs];
  }
}
