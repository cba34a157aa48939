import { formatAddress, formatLsn } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { ReachableInstance } from '#libs/postgres-run';

/** One that is ended for a new upstream, or by a hiccup, is back sooner. */
const SETTLES_MS = 2_000;

type Streamed = { readonly from: string; readonly atMs: number };

/** The log of a standby says once that its WAL receiver is gone, and once that it streams again. */
export class StreamLog {
  /** When it was last seen to stream, and from whom; null: never, by this agent. */
  #last: Streamed | null = null;
  #told = false;

  constructor(
    readonly log: Pick<Logger, 'info' | 'warn'>,
    readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** With each look that PostgreSQL answered. */
  look({ role }: Pick<ReachableInstance, 'role'>): void {
    if (role.kind === 'primary') {
      this.#last = null;
      this.#told = false;
      return;
    }
    const now = this.nowMs();
    const { receiver, timeline } = role;
    if (receiver?.status === 'streaming') {
      const { senderHost, senderPort, receivedTimeline } = receiver;
      const known = senderHost !== undefined && senderPort !== undefined;
      const from = known ? formatAddress({ host: senderHost, port: senderPort }) : '?';
      if (this.#told) {
        const afterMs = Math.round(now - (this.#last?.atMs ?? now));
        this.log.info('streams again', { from, timeline: receivedTimeline, afterMs });
      }
      this.#told = false;
      this.#last = { from, atMs: now };
    } else if (this.#last !== null && !this.#told && now - this.#last.atMs >= SETTLES_MS) {
      this.#told = true;
      const { from, atMs } = this.#last;
      const forMs = Math.round(now - atMs);
      const received = formatLsn(role.receivedLsn ?? role.replayedLsn);
      this.log.warn('does not stream any more', { from, timeline, received, forMs });
    }
  }
}
