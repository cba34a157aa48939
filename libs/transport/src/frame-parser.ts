import { checkBody, type FrameHeader, HEADER_BYTES, readHeader } from './frame-format.ts';

export type OnFrame = (type: number, body: Uint8Array) => void;

type OpenFrame = { readonly header: FrameHeader; readonly body: Buffer; filled: number };

/**
 * Cuts a stream of chunks into frames. A frame inside one chunk is a view of it, without a copy; one
 * that spans chunks is gathered in a buffer of its own length.
 */
export class FrameParser {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerFilled = 0;
  #open: OpenFrame | null = null;

  constructor(
    public bodyBytesMax: number,
    private readonly onFrame: OnFrame,
  ) {}

  /** @throws FrameError; the parser is of no use afterwards */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#open !== null) at = this.#fillBody(this.#open, chunk, at);
      else if (this.#headerFilled > 0) at = this.#fillHeader(chunk, at);
      else at = this.#readWhole(chunk, at);
    }
  }

  #readWhole(chunk: Buffer, at: number): number {
    if (chunk.length - at < HEADER_BYTES) return this.#fillHeader(chunk, at);
    const header = readHeader(chunk, at, this.bodyBytesMax);
    const bodyAt = at + HEADER_BYTES;
    const end = bodyAt + header.bodyBytes;
    if (end > chunk.length) return this.#begin(header, bodyAt);
    this.#emit(header, chunk.subarray(bodyAt, end));
    return end;
  }

  #fillHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerFilled, at);
    this.#headerFilled += copied;
    if (this.#headerFilled < HEADER_BYTES) return at + copied;
    this.#headerFilled = 0;
    return this.#begin(readHeader(this.#header, 0, this.bodyBytesMax), at + copied);
  }

  #begin(header: FrameHeader, bodyAt: number): number {
    const body = Buffer.allocUnsafe(header.bodyBytes);
    if (header.bodyBytes === 0) this.#emit(header, body);
    else this.#open = { header, body, filled: 0 };
    return bodyAt;
  }

  #fillBody(open: OpenFrame, chunk: Buffer, at: number): number {
    const copied = chunk.copy(open.body, open.filled, at);
    open.filled += copied;
    if (open.filled === open.body.length) {
      this.#open = null;
      this.#emit(open.header, open.body);
    }
    return at + copied;
  }

  #emit(header: FrameHeader, body: Buffer): void {
    checkBody(header, body);
    this.onFrame(header.type, body);
  }
}
