import type { Clock } from '#libs/kernel';
import { LinkFrame } from '#libs/protocol';
import { LinkTimeoutError } from './errors.ts';
import type { FramedSocket } from './framed-socket.ts';
import type { LivenessTiming } from './link-timing.ts';
import { everyShared } from './shared-interval.ts';

const NOTHING = new Uint8Array();
/**
 * Checks without a frame after which a side pings. The one that dialled asks, and its pings keep the other
 * from asking too: a quiet link costs one wake-up at each end in two checks.
 */
const PING_AFTER_CHECKS = { dialled: 1, accepted: 2 } as const;
/** So many times as many, of a crowd's links at rest. */
const CROWD_PATIENCE = 10;

export type LinkSide = keyof typeof PING_AFTER_CHECKS;

/**
 * Pings a quiet peer and closes the link when it stays silent, since a half-open connection would
 * live for minutes. When this process itself stood still, what the peer sent may wait unread in the
 * socket: the peer gets another round before it is called silent.
 *
 * Of a crowd most links are spare ones, over which neither side says anything: those of five thousand guards would
 * carry 2,500 questions a second beside 5,600 renewals. Such a link is asked more seldom, and its silence counts from the question.
 */
export class Liveness {
  readonly #stop: () => void;
  #quietChecks = 0;
  #seenFrames = 0;
  /** As of the last look that found something received. */
  #sentFrames = 0;
  #heardMs: number;
  #checkedMs: number;

  constructor(
    private readonly socket: FramedSocket,
    private readonly timing: LivenessTiming,
    private readonly clock: Clock,
    private readonly side: LinkSide,
    private readonly inCrowd: () => boolean,
  ) {
    this.#heardMs = clock.monotonicMs();
    this.#checkedMs = this.#heardMs;
    this.#stop = everyShared(timing.pingAfterMs, () => this.#check());
  }

  /** True when the frame was about liveness and is dealt with. */
  take(type: number): boolean {
    if (type === LinkFrame.ping) {
      this.socket.send(LinkFrame.pong, NOTHING);
      return true;
    }
    return type === LinkFrame.pong;
  }

  stop(): void {
    this.#stop();
  }

  #check(): void {
    const { pingAfterMs, peerSilenceMs } = this.timing;
    const nowMs = this.clock.monotonicMs();
    const stalled = nowMs - this.#checkedMs > 2 * pingAfterMs;
    this.#checkedMs = nowMs;
    this.#quietChecks += 1;
    if (this.socket.receivedFrames !== this.#seenFrames) {
      this.#seenFrames = this.socket.receivedFrames;
      this.#sentFrames = this.socket.sentFrames;
      this.#heardMs = nowMs;
      this.#quietChecks = 0;
    }
    if (this.#isAtRest) this.#heardMs = nowMs;
    // Half a check is granted: timers fire a little early, and a whole one more would be too late.
    const isSilent = nowMs - this.#heardMs >= peerSilenceMs - pingAfterMs / 2;
    if (isSilent && !stalled) {
      this.socket.close(new LinkTimeoutError('the peer is silent', 'peerSilenceMs', peerSilenceMs));
    } else if (!this.#isAtRest && this.#quietChecks >= PING_AFTER_CHECKS[this.side]) {
      this.socket.send(LinkFrame.ping, NOTHING);
    }
  }

  /** Nothing was said that the peer would answer, and it is not time to ask. */
  get #isAtRest(): boolean {
    const restChecks = CROWD_PATIENCE * PING_AFTER_CHECKS[this.side];
    const isQuiet = this.socket.sentFrames === this.#sentFrames;
    return isQuiet && this.#quietChecks < restChecks && this.inCrowd();
  }
}
