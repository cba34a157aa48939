import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameError } from './errors.ts';
import { HEADER_BYTES, writeHeader } from './frame-format.ts';
import { FrameParser } from './frame-parser.ts';

type Frame = { readonly type: number; readonly body: Uint8Array };

const FRAMES = fc.array(fc.record({ type: fc.nat(255), body: fc.uint8Array({ maxLength: 300 }) }), {
  maxLength: 12,
});

describe('frame parser', () => {
  it('gives the frames that were written, however the stream is cut', () => {
    fc.assert(
      fc.property(FRAMES, fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
        expect(parse(bytesOf(frames), cuts)).toEqual(frames.map(plain));
      }),
      { numRuns: 500 },
    );
  });

  it('never gives a frame that was not written, whatever byte is damaged', () => {
    fc.assert(
      fc.property(FRAMES, fc.nat(), fc.integer({ min: 1, max: 255 }), (frames, at, mask) => {
        const bytes = bytesOf(frames);
        if (bytes.length === 0) return;
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ mask;
        const whole = frames.map(plain);
        const got: ReturnType<typeof plain>[] = [];
        try {
          collect(bytes, [7], got);
        } catch (error) {
          if (!(error instanceof FrameError)) throw error;
        }
        expect(got).toEqual(whole.slice(0, got.length));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a wrong magic number', [0x41, 0x41, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['another version', [0x4d, 0x54, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a length beyond the limit', [0x4d, 0x54, 1, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
    ['a wrong checksum', [0x4d, 0x54, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('refuses %s by name', (_what, bytes) => {
    expect(() => parse(Buffer.from(bytes), [])).toThrow(FrameError);
  });

  it('does not copy a frame that lies in one chunk', () => {
    const chunk = bytesOf([{ type: 20, body: new Uint8Array(50).fill(3) }]);
    const bodies: Uint8Array[] = [];
    new FrameParser(1_000, (_type, body) => bodies.push(body)).push(chunk);
    expect(bodies[0]?.buffer).toBe(chunk.buffer);
  });
});

function bytesOf(frames: readonly Frame[]): Buffer {
  return Buffer.concat(
    frames.flatMap(({ type, body }) => {
      const header = Buffer.alloc(HEADER_BYTES);
      writeHeader(header, type, body);
      return [header, body];
    }),
  );
}

function parse(bytes: Buffer, cuts: readonly number[]): ReturnType<typeof plain>[] {
  const frames: ReturnType<typeof plain>[] = [];
  collect(bytes, cuts, frames);
  return frames;
}

function collect(bytes: Buffer, cuts: readonly number[], into: ReturnType<typeof plain>[]): void {
  const parser = new FrameParser(10_000, (type, body) => into.push(plain({ type, body })));
  let at = 0;
  for (let round = 0; at < bytes.length; round += 1) {
    const size = cuts.length === 0 ? bytes.length : (cuts[round % cuts.length] ?? 1);
    parser.push(bytes.subarray(at, at + size));
    at += size;
  }
}

function plain(frame: Frame): { type: number; body: number[] } {
  return { type: frame.type, body: Array.from(frame.body) };
}
