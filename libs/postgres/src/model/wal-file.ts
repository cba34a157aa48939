import { type Lsn, lsnOf, type TimelineId, timelineId } from '#libs/kernel';

/** A file of `pg_wal` or of the archive. */
export type WalFile =
  | { readonly kind: 'segment'; readonly timeline: TimelineId; readonly startLsn: Lsn }
  | { readonly kind: 'partial'; readonly timeline: TimelineId; readonly startLsn: Lsn }
  | { readonly kind: 'history'; readonly timeline: TimelineId }
  | { readonly kind: 'backup'; readonly timeline: TimelineId; readonly startLsn: Lsn };

const NAME =
  /^([0-9A-F]{8})(?:\.history|([0-9A-F]{8})([0-9A-F]{8})(\.partial|\.[0-9A-F]{8}\.backup)?)$/;
const LOG_FILE_BYTES = 0x1_0000_0000n;

/** @returns undefined for a name that PostgreSQL gives to none of its WAL files */
export function parseWalFileName(name: string, walSegmentBytes: number): WalFile | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const timeline = timelineId(Number.parseInt(match[1] ?? '', 16));
  const [, , high, low, suffix] = match;
  if (high === undefined || low === undefined) return { kind: 'history', timeline };
  const segmentBytes = BigInt(walSegmentBytes);
  const startLsn = lsnOf(BigInt(`0x${high}`) * LOG_FILE_BYTES + BigInt(`0x${low}`) * segmentBytes);
  if (suffix === undefined) return { kind: 'segment', timeline, startLsn };
  return { kind: suffix === '.partial' ? 'partial' : 'backup', timeline, startLsn };
}

/** Name of the segment that holds the byte at `lsn`. */
export function walSegmentName(timeline: TimelineId, lsn: Lsn, walSegmentBytes: number): string {
  const segment = lsn / BigInt(walSegmentBytes);
  const segmentsPerLogFile = LOG_FILE_BYTES / BigInt(walSegmentBytes);
  const parts = [BigInt(timeline), segment / segmentsPerLogFile, segment % segmentsPerLogFile];
  return parts.map((part) => part.toString(16).toUpperCase().padStart(8, '0')).join('');
}

export function walSegmentStart(lsn: Lsn, walSegmentBytes: number): Lsn {
  return lsnOf(lsn - (lsn % BigInt(walSegmentBytes)));
}
