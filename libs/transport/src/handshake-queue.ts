import type { Socket } from 'node:net';
import type { Clock } from '#libs/kernel';

/** More at once only make each of them later, and keep the loop from renewals for longer each time. */
const AT_ONCE = 8;
/**
 * Whoever is not done by then waits for the other side, not for us, and keeps nobody out: neither a far
 * guard, nor somebody who connects and says nothing.
 */
const PLACE_MS = 250;

export type HandshakeQueueOptions = {
  readonly clock: Clock;
  /** Who waited longer is dropped: it has given up by now and comes again. */
  readonly waitMaxMs: number;
  /** Begins the handshake of a socket from which nothing was read; `ended` or the socket's close follows. */
  readonly begin: (socket: Socket) => void;
  readonly onDropped: (remoteAddress: string) => void;
};

type Waiting = { readonly socket: Socket; readonly from: string; readonly sinceMs: number };

/**
 * Connections of which the TLS handshake has not begun. When thousands of guards and agents come at once (power
 * is back, a switch was replaced) there is no time for all of their handshakes before they give up. Begun
 * in parallel, each would take part of the work and none would end; so few run at once, and whoever came
 * last goes first, since the others have the least patience left. To drop one costs next to nothing.
 */
export class HandshakeQueue {
  readonly #running = new Map<string, NodeJS.Timeout>();
  readonly #waiting: Waiting[] = [];

  constructor(private readonly options: HandshakeQueueOptions) {}

  get waiting(): number {
    return this.#waiting.length;
  }

  add(socket: Socket): void {
    const from = addressOf(socket);
    // What goes wrong with it is told by its close.
    socket.on('error', () => undefined);
    socket.once('close', () => this.ended(from));
    this.#waiting.push({ socket, from, sinceMs: this.options.clock.monotonicMs() });
    this.#beginNext();
  }

  /** Its handshake is over; without this its close ends it. */
  ended(remoteAddress: string): void {
    const timer = this.#running.get(remoteAddress);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#running.delete(remoteAddress);
    this.#beginNext();
  }

  /** Those that were begun are the server's to end. */
  close(): void {
    for (const timer of this.#running.values()) clearTimeout(timer);
    this.#running.clear();
    for (const { socket } of this.#waiting.splice(0)) socket.destroy();
  }

  #beginNext(): void {
    this.#dropOld();
    while (this.#running.size < AT_ONCE) {
      const next = this.#waiting.pop();
      if (next === undefined) return;
      const { socket, from } = next;
      if (socket.destroyed) continue;
      const place = setTimeout(() => this.ended(from), PLACE_MS);
      this.#running.set(from, place);
      this.options.begin(socket);
    }
  }

  #dropOld(): void {
    const { clock, waitMaxMs, onDropped } = this.options;
    const oldestMs = clock.monotonicMs() - waitMaxMs;
    for (let oldest = this.#waiting[0]; oldest !== undefined; oldest = this.#waiting[0]) {
      if (oldest.sinceMs > oldestMs) return;
      this.#waiting.shift();
      oldest.socket.destroy();
      onDropped(oldest.from);
    }
  }
}

/** Of the other side, as the log names it. */
export function addressOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}
