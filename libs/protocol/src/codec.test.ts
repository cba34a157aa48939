import { describe, expect, it } from 'vitest';
import { decode, encode } from './codec.ts';
import { MalformedMessageError } from './fields.ts';

describe('codec', () => {
  it.each([
    ['a small bigint', 5n],
    ['a 64-bit bigint', 2n ** 63n + 1n],
    ['a large safe integer', 2 ** 52 + 1],
    ['null in an array', [1, null, 'x', [true]]],
    ['a fraction', 1.5],
  ])('keeps %s', (_what, value) => {
    expect(decode(encode(value))).toEqual(value);
  });

  it('keeps bytes as bytes', () => {
    expect(Array.from(decode(encode(Uint8Array.of(0, 255))) as Uint8Array)).toEqual([0, 255]);
  });

  it.each([
    ['nothing', []],
    ['an array that ends early', [0x93, 1]],
    ['two values', [1, 2]],
    ['a byte string longer than the message', [0xc6, 0xff, 0xff, 0xff, 0xff]],
  ])('%s is refused by name', (_what, bytes) => {
    expect(() => decode(Uint8Array.from(bytes))).toThrow(MalformedMessageError);
  });
});
