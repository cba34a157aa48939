import { crc32 } from 'node:zlib';
import { FrameError } from './errors.ts';

/**
 * A frame: magic u16, version u8, type u8, body length u32, CRC-32 over type and body u32, body.
 * Numbers are big-endian. The length is checked against a limit before anything is allocated.
 */
export const HEADER_BYTES = 12;
const MAGIC = 0x4d54;
const VERSION = 1;

/** CRC-32 of each single type byte: the checksum of a body goes on from there. */
const CRC_OF_TYPE = Array.from({ length: 256 }, (_, type) => crc32(Uint8Array.of(type)));

export type FrameHeader = {
  readonly type: number;
  readonly bodyBytes: number;
  readonly checksum: number;
};

export function writeHeader(target: Buffer, type: number, body: Uint8Array): void {
  target.writeUInt16BE(MAGIC, 0);
  target[2] = VERSION;
  target[3] = type;
  target.writeUInt32BE(body.length, 4);
  target.writeUInt32BE(checksumOf(type, body), 8);
}

/** @throws FrameError */
export function readHeader(source: Buffer, at: number, bodyBytesMax: number): FrameHeader {
  if (source.readUInt16BE(at) !== MAGIC) throw new FrameError('wrong magic number');
  const version = source[at + 2] ?? 0;
  if (version !== VERSION) throw new FrameError(`frame version ${version}, known is ${VERSION}`);
  const bodyBytes = source.readUInt32BE(at + 4);
  if (bodyBytes > bodyBytesMax) {
    throw new FrameError(`a frame of ${bodyBytes} bytes, the limit is ${bodyBytesMax}`);
  }
  return { type: source[at + 3] ?? 0, bodyBytes, checksum: source.readUInt32BE(at + 8) };
}

/** @throws FrameError */
export function checkBody(header: FrameHeader, body: Uint8Array): void {
  if (checksumOf(header.type, body) !== header.checksum) throw new FrameError('wrong checksum');
}

function checksumOf(type: number, body: Uint8Array): number {
  return crc32(body, CRC_OF_TYPE[type] ?? 0);
}
