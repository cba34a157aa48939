import type { Clock } from '#libs/kernel';
import { LinkFrame } from '#libs/protocol';
import { LinkTimeoutError } from './errors.ts';
import type { FramedSocket } from './framed-socket.ts';
import type { LinkTiming } from './link-timing.ts';
import { everyShared } from './shared-interval.ts';

const NOTHING = new Uint8Array();
/** Checks in the time after which a ping leaves. */
const CHECKS_PER_PING = 2;

/**
 * Pings a quiet peer and closes the link when it stays silent, since a half-open connection would
 * live for minutes. When this process itself stood still, what the peer sent may wait unread in the
 * socket: the peer gets another round before it is called silent.
 */
export class Liveness {
  readonly #stop: () => void;
  readonly #checkMs: number;
  #seenFrames = 0;
  #heardMs: number;
  #checkedMs: number;

  constructor(
    private readonly socket: FramedSocket,
    private readonly timing: LinkTiming,
    private readonly clock: Clock,
  ) {
    this.#checkMs = Math.max(1, Math.floor(timing.pingAfterMs / CHECKS_PER_PING));
    this.#heardMs = clock.monotonicMs();
    this.#checkedMs = this.#heardMs;
    this.#stop = everyShared(this.#checkMs, () => this.#check());
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
    const nowMs = this.clock.monotonicMs();
    const stalled = nowMs - this.#checkedMs > 2 * this.#checkMs;
    this.#checkedMs = nowMs;
    if (this.socket.receivedFrames !== this.#seenFrames) {
      this.#seenFrames = this.socket.receivedFrames;
      this.#heardMs = nowMs;
    }
    const silentMs = nowMs - this.#heardMs;
    if (silentMs >= this.timing.peerSilenceMs && !stalled) {
      const { peerSilenceMs } = this.timing;
      this.socket.close(new LinkTimeoutError('the peer is silent', 'peerSilenceMs', peerSilenceMs));
    } else if (silentMs >= this.timing.pingAfterMs) {
      this.socket.send(LinkFrame.ping, NOTHING);
    }
  }
}
