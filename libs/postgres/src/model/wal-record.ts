import { type Lsn, lsnOf, parseLsn } from '#libs/kernel';

/** One line of `pg_waldump`. */
export type WalRecord = {
  readonly startLsn: Lsn;
  /** Without the page headers that it may span. */
  readonly totalBytes: number;
  /** The rest of its segment is empty: the record's end is the segment's. */
  readonly isSegmentSwitch: boolean;
};

const WAL_PAGE_BYTES = 8_192n;
const PAGE_HEADER_BYTES = 24n;
/** The first page of a segment has a longer header. */
export const WAL_SEGMENT_HEADER_BYTES = 40n;
const ALIGNMENT_BYTES = 8n;

const LINE =
  /^rmgr: (\S+)\s+len \(rec\/tot\):\s*\d+\/\s*(\d+),.* lsn: ([0-9A-F]+\/[0-9A-F]+), prev \S+,? desc: (\S+)/;

/** @returns undefined for a line that describes no record (statistics, full page images) */
export function parseWaldumpLine(line: string): WalRecord | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  return {
    startLsn: parseLsn(match[3] ?? ''),
    totalBytes: Number(match[2]),
    isSegmentSwitch: match[1] === 'XLOG' && match[4] === 'SWITCH',
  };
}

/** First position after a record: page headers counted, aligned as PostgreSQL aligns records. */
export function walRecordEnd(record: WalRecord, walSegmentBytes: number): Lsn {
  const segmentBytes = BigInt(walSegmentBytes);
  let end = record.startLsn as bigint;
  let remaining = BigInt(record.totalBytes);
  let freeInPage = WAL_PAGE_BYTES - (end % WAL_PAGE_BYTES);
  while (remaining > freeInPage) {
    remaining -= freeInPage;
    end += freeInPage;
    const header = end % segmentBytes === 0n ? WAL_SEGMENT_HEADER_BYTES : PAGE_HEADER_BYTES;
    end += header;
    freeInPage = WAL_PAGE_BYTES - header;
  }
  end = roundUp(end + remaining, ALIGNMENT_BYTES);
  return lsnOf(record.isSegmentSwitch ? roundUp(end, segmentBytes) : end);
}

/** The page that holds `lsn`, `pagesBefore` pages earlier; not below zero. */
export function walPageStart(lsn: Lsn, pagesBefore = 0n): Lsn {
  const page = lsn / WAL_PAGE_BYTES - pagesBefore;
  return lsnOf((page < 0n ? 0n : page) * WAL_PAGE_BYTES);
}

function roundUp(value: bigint, step: bigint): bigint {
  return ((value + step - 1n) / step) * step;
}
