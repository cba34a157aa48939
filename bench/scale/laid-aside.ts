import type { Duplex } from 'node:stream';

/** By then an election is long over. */
const WAIT_MS = 5_000;
const BETWEEN_MS = 2;

/**
 * Sockets that their controller has ended. To tear one down takes 0.15 ms, which every host spends on its own; here two
 * processes for thousands of hosts would be busy with that while the controllers, on the same processors, elect.
 */
export class LaidAside {
  readonly #sockets: Duplex[] = [];
  #timer: NodeJS.Timeout | undefined;

  readonly add = (socket: Duplex): void => {
    this.#sockets.push(socket);
    this.#timer ??= setTimeout(() => this.#destroyOne(), WAIT_MS);
  };

  #destroyOne(): void {
    this.#sockets.shift()?.destroy();
    const isLeft = this.#sockets.length > 0;
    this.#timer = isLeft ? setTimeout(() => this.#destroyOne(), BETWEEN_MS) : undefined;
  }
}
