import { expect, it } from 'vitest';
import { crc32c } from './crc32c.ts';

/** From RFC 3720, appendix B.4, and the usual check value. */
it.each([
  ['32 zero bytes', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of 0xff', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
  ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(), 0],
])('CRC-32C of %s', (_what, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});
