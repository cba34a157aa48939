import { HEADER_BYTES, writeHeader } from './frame-format.ts';

const GROW_FROM_BYTES = 4_096;

/** Frames that leave together, header and body side by side in one piece of memory. */
export class TurnBuffer {
  #bytes: Buffer | null = null;
  #used = 0;

  get length(): number {
    return this.#used;
  }

  add(type: number, body: Uint8Array): void {
    const size = HEADER_BYTES + body.length;
    const bytes = this.#roomFor(size);
    const frame = bytes.subarray(this.#used, this.#used + size);
    writeHeader(frame, type, body);
    frame.set(body, HEADER_BYTES);
    this.#used += size;
  }

  /** Everything so far, null when there is nothing; what comes next begins anew. */
  take(): Buffer | null {
    const taken = this.#bytes?.subarray(0, this.#used) ?? null;
    this.#bytes = null;
    this.#used = 0;
    return taken;
  }

  /** A lone frame, the most usual case on quiet links, takes no more than it needs. */
  #roomFor(size: number): Buffer {
    const needed = this.#used + size;
    if (this.#bytes === null) this.#bytes = Buffer.allocUnsafe(size);
    else if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(GROW_FROM_BYTES, 2 * needed));
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
