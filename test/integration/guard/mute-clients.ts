import { connect, type Socket } from 'node:net';

const EVERY_MS = 2;

/** Connections to a port over which nothing is ever said, a new one every two milliseconds. */
export class MuteClients {
  readonly #open: Socket[] = [];
  readonly #timer: NodeJS.Timeout;
  count = 0;

  constructor(port: number) {
    this.#timer = setInterval(() => this.#dial(port), EVERY_MS);
  }

  end(): void {
    clearInterval(this.#timer);
    for (const socket of this.#open) socket.destroy();
  }

  #dial(port: number): void {
    const socket = connect(port, '127.0.0.1', () => {
      this.count += 1;
    });
    socket.on('error', () => undefined);
    this.#open.push(socket);
  }
}
