import {
  DomainError,
  formatLsn,
  type Lsn,
  parseLsn,
  type TimelineId,
  timelineId,
} from '#libs/kernel';

/** Where a timeline was left for its child. */
export type TimelineFork = {
  readonly timeline: TimelineId;
  /** First position that is no longer of `timeline`. */
  readonly endLsn: Lsn;
  readonly reason: string;
};

/** A timeline is its history, not its number: two promotions may take the same id (safety 3). */
export type TimelineHistory = {
  readonly timeline: TimelineId;
  /** Oldest first, as in the history file. */
  readonly ancestors: readonly TimelineFork[];
};

export class TimelineHistoryError extends DomainError {
  readonly code = 'TIMELINE_HISTORY_INVALID';
}

const FILE_NAME = /^([0-9A-F]{8})\.history$/;

export function timelineHistoryFileName(timeline: TimelineId): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
}

export function timelineOfHistoryFile(fileName: string): TimelineId | undefined {
  const match = FILE_NAME.exec(fileName);
  return match === null ? undefined : timelineId(Number.parseInt(match[1] ?? '', 16));
}

/** @throws TimelineHistoryError on a line that PostgreSQL would refuse too */
export function parseTimelineHistory(timeline: TimelineId, text: string): TimelineHistory {
  const ancestors: TimelineFork[] = [];
  for (const line of meaningfulLines(text)) {
    const match = /^(\d+)\s+([0-9A-F]{1,8}\/[0-9A-F]{1,8})(?:\s+(.*))?$/i.exec(line);
    const parent = Number(match?.[1]);
    if (match === null || parent <= (ancestors.at(-1)?.timeline ?? 0) || parent >= timeline) {
      throw new TimelineHistoryError(`'${line}' does not belong into the history of ${timeline}`);
    }
    ancestors.push({
      timeline: timelineId(parent),
      endLsn: parseLsn(match[2] ?? ''),
      reason: match[3] ?? '',
    });
  }
  return { timeline, ancestors };
}

/** The file content as PostgreSQL writes it. */
export function formatTimelineHistory(history: TimelineHistory): string {
  return history.ancestors
    .map((fork) => `${fork.timeline}\t${formatLsn(fork.endLsn)}\t${fork.reason}\n`)
    .join('');
}

/** The point where the two parted: all WAL before it is the same, nothing after it is. */
export type CommonPoint = { readonly timeline: TimelineId; readonly endLsn: Lsn | 'open' };

/** @returns undefined when not even their first timeline is the same */
export function commonPoint(a: TimelineHistory, b: TimelineHistory): CommonPoint | undefined {
  const left = segmentsOf(a);
  const right = segmentsOf(b);
  let last: CommonPoint | undefined;
  for (const [position, mine] of left.entries()) {
    const other = right[position];
    if (other === undefined || other.timeline !== mine.timeline) return last;
    last = { timeline: mine.timeline, endLsn: earlier(mine.endLsn, other.endLsn) };
    if (mine.endLsn !== other.endLsn) return last;
  }
  return last;
}

/**
 * Whether a server with history `a` may go on along `b`, as far as ids and forks tell; its position
 * must besides be on `b` (`isOnHistory`). Same id and other forks: diverged.
 */
export function isPrefixOf(a: TimelineHistory, b: TimelineHistory): boolean {
  const along = segmentsOf(b);
  return segmentsOf(a).every(({ timeline, endLsn }, position) => {
    const other = along[position];
    return other?.timeline === timeline && (endLsn === 'open' || endLsn === other.endLsn);
  });
}

/** Whether WAL up to `lsn` of `timeline` is part of this history: not beyond where it was left. */
export function isOnHistory(history: TimelineHistory, timeline: TimelineId, lsn: Lsn): boolean {
  const segment = segmentsOf(history).find((candidate) => candidate.timeline === timeline);
  return segment !== undefined && (segment.endLsn === 'open' || lsn <= segment.endLsn);
}

/** Where `history` left `timeline`; undefined when it is no ancestor. */
export function forkOf(history: TimelineHistory, timeline: TimelineId): Lsn | undefined {
  return history.ancestors.find((fork) => fork.timeline === timeline)?.endLsn;
}

const SKIP_MARK = '# matriarch: this timeline id was skipped, another promotion may have taken it';

/**
 * A history file without ancestors makes PostgreSQL take the next free id at promotion: it looks for
 * the first id that has no such file. One that follows it says so and does not go there.
 */
export function skippedTimelineText(timeline: TimelineId): string {
  return `${SKIP_MARK} (${timeline})\n`;
}

export function isSkippedTimelineText(text: string): boolean {
  return text.startsWith(SKIP_MARK) && meaningfulLines(text).length === 0;
}

function segmentsOf(history: TimelineHistory): readonly CommonPoint[] {
  const past = history.ancestors.map(({ timeline, endLsn }) => ({ timeline, endLsn }));
  return [...past, { timeline: history.timeline, endLsn: 'open' }];
}

function earlier(a: Lsn | 'open', b: Lsn | 'open'): Lsn | 'open' {
  if (a === 'open') return b;
  if (b === 'open') return a;
  return a < b ? a : b;
}

function meaningfulLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}
