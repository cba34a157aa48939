import type { StorePorts } from '#libs/event-store';

/**
 * A codec that keeps values where they are and hands out their numbers: the real one is covered by the
 * consensus simulator, and here it would take most of the time.
 */
export class Handles implements StorePorts {
  readonly #values: unknown[] = [];

  encode(value: unknown): Uint8Array {
    const handle = this.#values.length;
    this.#values.push(value);
    const bytes = new Uint8Array(4);
    for (let at = 0; at < 4; at += 1) bytes[at] = handle >>> (8 * at);
    return bytes;
  }

  decode(bytes: Uint8Array): unknown {
    let handle = 0;
    for (let at = 3; at >= 0; at -= 1) handle = handle * 256 + (bytes[at] ?? 0);
    return this.#values[handle];
  }

  crc32(_bytes: Uint8Array, seed: number): number {
    return seed;
  }
}
