import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError, type Lsn, maxLsn, type TimelineId } from '#libs/kernel';
import {
  parseWaldumpLine,
  WAL_SEGMENT_HEADER_BYTES,
  type WalRange,
  type WalRecord,
  waldumpArgv,
  walPageStart,
  walRangesFrom,
  walRecordEnd,
  walSegmentName,
  walSegmentStart,
} from '#libs/postgres-model';
import type { Installation } from './installation.ts';
import { runTool } from './run-tool.ts';
import { readTimelineHistories } from './timeline-files.ts';

export type WalEndRequest = {
  readonly dataDirectory: string;
  readonly walSegmentBytes: number;
  /** Position of replay: always the end of a record. From the control file when nothing runs. */
  readonly replayedLsn: Lsn;
  readonly timeline: TimelineId;
  /** `pg_last_wal_receive_lsn()`, which may stand in the middle of a record; a hint where to begin. */
  readonly receivedLsn?: Lsn;
  readonly timeoutMs: number;
};

export type WalEnd = { readonly timeline: TimelineId; readonly lsn: Lsn; readonly tookMs: number };

export class WalEndError extends DomainError {
  readonly code = 'WAL_END_UNKNOWN';
}

/** How far before the received position reading begins: 128 pages, a few milliseconds. */
const PAGES_BEFORE_RECEIVED = 128n;

/** What pg_waldump says when the WAL simply ends; anything else is no answer about its end. */
const ENDS_HERE = /could not find a valid record after|error in WAL record|could not find file/;

/**
 * The end of the last valid record in `pg_wal` (safety 7): the position of a detached standby. To be
 * asked after the receiver is gone. Follows the timelines that recovery would follow.
 *
 * @throws WalEndError, ProcessError: the position is then unknown, never a lower one
 */
export async function walEnd(installation: Installation, request: WalEndRequest): Promise<WalEnd> {
  const startedMs = performance.now();
  const reader = new WalReader(installation, request);
  const ranges = walRangesFrom(
    { timeline: request.timeline, lsn: request.replayedLsn },
    readTimelineHistories(request.dataDirectory),
  );
  let end = request.replayedLsn;
  let { timeline } = request;
  for (const [position, range] of ranges.entries()) {
    const next = ranges[position + 1];
    timeline = range.timeline;
    if (next !== undefined && reader.hasForkSegment(next)) {
      // The child's first segment holds the parent's records up to the fork too.
      const upTo = walSegmentStart(next.startLsn, request.walSegmentBytes);
      end = maxLsn(end, await reader.lastEnd({ ...range, startLsn: end, endLsn: upTo }));
      continue;
    }
    end = await reader.lastEnd({ ...range, startLsn: end });
    if (range.endLsn !== undefined && end < range.endLsn) break;
  }
  return { timeline, lsn: end, tookMs: performance.now() - startedMs };
}

class WalReader {
  constructor(
    readonly installation: Installation,
    readonly request: WalEndRequest,
  ) {}

  hasForkSegment(child: WalRange): boolean {
    const name = walSegmentName(child.timeline, child.startLsn, this.request.walSegmentBytes);
    return existsSync(join(this.#walDirectory(), name));
  }

  /** End of the last record in the range, or its start when it holds none. */
  async lastEnd(range: WalRange): Promise<Lsn> {
    if (range.endLsn !== undefined && range.startLsn >= range.endLsn) return range.startLsn;
    const { receivedLsn } = this.request;
    const shortcut =
      receivedLsn === undefined ? undefined : walPageStart(receivedLsn, PAGES_BEFORE_RECEIVED);
    if (shortcut !== undefined && shortcut > range.startLsn && isBefore(shortcut, range.endLsn)) {
      const end = await this.#read({ ...range, startLsn: shortcut });
      if (end !== undefined) return end;
    }
    return (await this.#read(range)) ?? range.startLsn;
  }

  async #read(range: WalRange): Promise<Lsn | undefined> {
    const endLsn = this.#endOfFiles(range);
    if (endLsn <= range.startLsn || this.#isUnwritten(range)) return undefined;
    let last: WalRecord | undefined;
    const argv = waldumpArgv({
      binDirectory: this.installation.binDirectory,
      walDirectory: this.#walDirectory(),
      walSegmentBytes: this.request.walSegmentBytes,
      ...range,
      endLsn,
    });
    const { stderr, exitCode } = await runTool(this.installation, argv, {
      timeoutMs: this.request.timeoutMs,
      acceptExitCodes: [0, 1],
      outputLimitChars: 4_096,
      onStdoutLine: (line) => {
        last = parseWaldumpLine(line) ?? last;
      },
    });
    if (exitCode !== 0 && !ENDS_HERE.test(stderr)) {
      throw new WalEndError(`pg_waldump could not read the WAL: ${stderr.trim()}`);
    }
    if (last === undefined) return undefined;
    const end = walRecordEnd(last, this.request.walSegmentBytes);
    return range.endLsn !== undefined && end > range.endLsn ? range.endLsn : end;
  }

  /**
   * The range begins with a segment that PostgreSQL made in advance: zeros, which pg_waldump takes for a
   * segment of no length. Behind its header nothing but a damaged file could look like that.
   */
  #isUnwritten({ timeline, startLsn }: WalRange): boolean {
    const { walSegmentBytes } = this.request;
    const offset = startLsn - walSegmentStart(startLsn, walSegmentBytes);
    if (offset > WAL_SEGMENT_HEADER_BYTES) return false;
    const name = walSegmentName(timeline, startLsn, walSegmentBytes);
    const header = Buffer.alloc(Number(WAL_SEGMENT_HEADER_BYTES));
    const file = openSync(join(this.#walDirectory(), name), 'r');
    try {
      readSync(file, header);
    } finally {
      closeSync(file);
    }
    return header.every((byte) => byte === 0);
  }

  /**
   * Where the range or the row of segments that are there ends. pg_waldump waits 5 s for one that is not there, and a
   * failover with it: after a switch of segments on a primary at rest, say.
   */
  #endOfFiles({ timeline, startLsn, endLsn }: WalRange): Lsn {
    const { walSegmentBytes } = this.request;
    const present = new Set(readdirSync(this.#walDirectory()));
    let end: Lsn = walSegmentStart(startLsn, walSegmentBytes);
    while (present.has(walSegmentName(timeline, end, walSegmentBytes))) {
      if (endLsn !== undefined && end >= endLsn) return endLsn;
      end = (end + BigInt(walSegmentBytes)) as Lsn;
    }
    return endLsn !== undefined && endLsn < end ? endLsn : end;
  }

  #walDirectory(): string {
    return join(this.request.dataDirectory, 'pg_wal');
  }
}

function isBefore(lsn: Lsn, end: Lsn | undefined): boolean {
  return end === undefined || lsn < end;
}
