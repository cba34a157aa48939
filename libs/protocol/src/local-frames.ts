import { MalformedMessageError } from './fields.ts';

/**
 * Frames of `guard.sock`: a length of four bytes, big-endian, then one msgpack message. No hello: the
 * file mode of the socket says who may speak.
 */
export const LOCAL_FRAME_MAX_BYTES = 16_384;
const LENGTH_BYTES = 4;

export function localFrame(payload: Uint8Array): Uint8Array {
  if (payload.length > LOCAL_FRAME_MAX_BYTES) throw tooLong(payload.length);
  const frame = new Uint8Array(LENGTH_BYTES + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length);
  frame.set(payload, LENGTH_BYTES);
  return frame;
}

/** Cuts a stream of bytes into the payloads of its frames; holds at most one frame. */
export class LocalFrameReader {
  #held: Uint8Array = new Uint8Array(0);

  constructor(readonly onPayload: (payload: Uint8Array) => void) {}

  /** @throws MalformedMessageError for a frame above the limit: close the socket */
  push(chunk: Uint8Array): void {
    let bytes = this.#held.length === 0 ? chunk : joined(this.#held, chunk);
    for (;;) {
      if (bytes.length < LENGTH_BYTES) break;
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (length > LOCAL_FRAME_MAX_BYTES) throw tooLong(length);
      if (bytes.length < LENGTH_BYTES + length) break;
      this.onPayload(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
      bytes = bytes.subarray(LENGTH_BYTES + length);
    }
    this.#held = bytes.slice();
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function tooLong(length: number): MalformedMessageError {
  return new MalformedMessageError(
    'local frame',
    'length',
    `at most ${LOCAL_FRAME_MAX_BYTES} (${length})`,
  );
}
