import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decode, encode } from './codec.ts';
import { MalformedMessageError } from './fields.ts';
import { decodePlain, encodePlain } from './plain-codec.ts';

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

describe('the codec written out by hand', () => {
  const packr = new Packr({ useRecords: false, int64AsType: 'bigint' });
  const lengths = fc.constantFrom(0, 15, 16, 31, 32, 255, 256);
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.nat(),
      fc.constantFrom(0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff),
      fc.constantFrom(null, true, false),
      fc.uint8Array(),
      lengths.map((length) => Buffer.alloc(length, 7)),
      lengths.map((length) => 'x'.repeat(length)),
      lengths.map((length) => new Array(length).fill(1)),
      fc.array(tie('tree')),
    ),
  }));

  function expectSame(value: unknown): void {
    const general = packr.pack(value);
    expect(Buffer.compare(encodePlain(value) ?? Buffer.of(), general)).toBe(0);
    expect(Buffer.compare(packr.pack(decodePlain(general)?.value), general)).toBe(0);
  }

  it('writes the same bytes as the general one, and reads them back', () => {
    fc.assert(fc.property(tree, expectSame));
  });

  it.each([65_535, 65_536])('also at a length of %i', (length) => {
    expectSame([Buffer.alloc(length, 7), 'x'.repeat(length)]);
    expectSame(new Array(length).fill(1));
  });

  it('reads what the general one reads, or gives up', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const read = decodePlain(bytes);
        if (read !== null) expect(packr.unpack(bytes)).toEqual(read.value);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a negative number', -1],
    ['a fraction', 0.5],
    ['a number of more than 32 bits', 2 ** 32],
    ['a bigint', 1n],
    ['a text beyond ASCII', 'ä'],
    ['a map', { a: 1 }],
    ['a hole', [undefined]],
    ['lists in lists without an end', nested(40)],
  ])('leaves %s to the general one', (_what, value) => {
    expect(encodePlain(value)).toBeNull();
    expect(encodePlain([1, value])).toBeNull();
    expect(decode(encode([1, value]))).toEqual([1, value]);
  });
});

function nested(depth: number): unknown[] {
  return depth === 0 ? [] : [nested(depth - 1)];
}
