import { describe, expect, it } from 'vitest';
import { LOCAL_FRAME_MAX_BYTES, LocalFrameReader, localFrame } from './local-frames.ts';

function read(chunks: readonly Uint8Array[]): number[][] {
  const payloads: number[][] = [];
  const reader = new LocalFrameReader((payload) => payloads.push([...payload]));
  for (const chunk of chunks) reader.push(chunk);
  return payloads;
}

describe('frames of the local socket', () => {
  const stream = new Uint8Array([
    ...localFrame(Uint8Array.of(1, 2)),
    ...localFrame(Uint8Array.of(3)),
  ]);

  it.each([
    { cut: 'whole', sizes: [stream.length] },
    { cut: 'byte by byte', sizes: Array.from(stream, () => 1) },
    { cut: 'inside a length', sizes: [8, stream.length - 8] },
  ])('come out as they went in, cut $cut', ({ sizes }) => {
    let at = 0;
    const chunks = sizes.map((size) => {
      at += size;
      return stream.subarray(at - size, at);
    });
    expect(read(chunks)).toEqual([[1, 2], [3]]);
  });

  it('above the limit are refused on both sides', () => {
    expect(() => localFrame(new Uint8Array(LOCAL_FRAME_MAX_BYTES + 1))).toThrow(/at most/);
    expect(() => read([Uint8Array.of(0, 1, 0, 0)])).toThrow(/at most/);
  });
});
