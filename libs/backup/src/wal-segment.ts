import { type Lsn, lsnOf } from '#libs/kernel';

/** Of clusters that we make; another size only moves the position that an archive is said to reach. */
export const WAL_SEGMENT_BYTES = 16n * 1_024n * 1_024n;

/** The end of a segment that is named by its 24 digits. */
export function walOf(
  segment: string | null,
): { readonly timeline: number; readonly lsn: Lsn } | null {
  const match = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})/i.exec(segment ?? '');
  if (match === null) return null;
  const [, timeline, high, low] = match;
  const start = (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`) * WAL_SEGMENT_BYTES;
  return { timeline: Number.parseInt(timeline ?? '0', 16), lsn: lsnOf(start + WAL_SEGMENT_BYTES) };
}

/** The 24 digits of the segment that a position lies in. */
export function segmentAt(timeline: number, lsn: Lsn): string {
  const perFile = 0x1_0000_0000n / WAL_SEGMENT_BYTES;
  const number = lsn / WAL_SEGMENT_BYTES;
  return [BigInt(timeline), number / perFile, number % perFile]
    .map((part) => part.toString(16).toUpperCase().padStart(8, '0'))
    .join('');
}

/** What holds back WAL from a position on holds back the whole segment. */
export function segmentBegin(lsn: Lsn, segmentBytes: bigint): Lsn {
  return lsnOf(lsn - (lsn % segmentBytes));
}
