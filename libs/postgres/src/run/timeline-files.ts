import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError, type TimelineId, timelineId } from '#libs/kernel';
import {
  isSkippedTimelineText,
  parseTimelineHistory,
  skippedTimelineText,
  type TimelineHistory,
  timelineHistoryFileName,
  timelineOfHistoryFile,
} from '#libs/postgres-model';
import { readFileIfPresent, removeFileDurably, writeFileDurably } from '#libs/process';

export class TimelineTakenError extends DomainError {
  readonly code = 'TIMELINE_TAKEN';

  constructor(timeline: TimelineId) {
    super(`a history of timeline ${timeline} exists here already: a promotion cannot take that id`);
  }
}

/** The histories in `pg_wal`, without the ids that were only skipped. */
export function readTimelineHistories(dataDirectory: string): readonly TimelineHistory[] {
  return historyFiles(dataDirectory)
    .filter(({ text }) => !isSkippedTimelineText(text))
    .map(({ timeline, text }) => parseTimelineHistory(timeline, text));
}

/** Timeline 1 has no file and no ancestors. */
export function readTimelineHistory(
  dataDirectory: string,
  timeline: TimelineId,
): TimelineHistory | undefined {
  if (timeline === 1) return { timeline, ancestors: [] };
  const text = readFileIfPresent(pathOf(dataDirectory, timeline));
  return text === undefined ? undefined : parseTimelineHistory(timeline, text);
}

/**
 * Makes the next promotion of this instance take exactly `target` (safety 3). The files stay: a
 * standby that follows asks its new primary for every id between its own and the primary's.
 *
 * @throws TimelineTakenError when `target` or a later id has a real history here
 */
export function skipTimelinesBefore(
  dataDirectory: string,
  request: { readonly current: TimelineId; readonly target: TimelineId },
): void {
  for (const { timeline, text } of historyFiles(dataDirectory)) {
    if (timeline < request.target) continue;
    if (!isSkippedTimelineText(text)) throw new TimelineTakenError(timeline);
    removeFileDurably(pathOf(dataDirectory, timeline));
  }
  skipTimelinesBetween(dataDirectory, { after: request.current, before: request.target });
}

/** Marks the ids between two timelines as skipped, where nothing is known of them. */
export function skipTimelinesBetween(
  dataDirectory: string,
  { after, before }: { readonly after: TimelineId; readonly before: TimelineId },
): void {
  for (let id = after + 1; id < before; id += 1) {
    const path = pathOf(dataDirectory, timelineId(id));
    if (readFileIfPresent(path) === undefined) {
      writeFileDurably(path, skippedTimelineText(timelineId(id)));
    }
  }
}

/**
 * Removes skipped ids that no real timeline follows: left by a promotion that was withdrawn, or by a
 * receiver that was cut off while it fetched them. A standby that starts with them never gets
 * ready: it takes the newest id for its goal and waits for WAL of it. To be called before each start.
 *
 * @returns the ids removed
 */
export function dropDanglingSkips(
  dataDirectory: string,
  current: TimelineId,
): readonly TimelineId[] {
  const files = historyFiles(dataDirectory);
  const real = files.filter(({ text }) => !isSkippedTimelineText(text));
  const newestReal = Math.max(current, ...real.map(({ timeline }) => timeline));
  const dangling = files.filter(({ timeline }) => timeline > newestReal);
  for (const { timeline } of dangling) removeFileDurably(pathOf(dataDirectory, timeline));
  return dangling.map(({ timeline }) => timeline);
}

type HistoryFile = { readonly timeline: TimelineId; readonly text: string };

function historyFiles(dataDirectory: string): readonly HistoryFile[] {
  const files: HistoryFile[] = [];
  for (const name of readdirSync(join(dataDirectory, 'pg_wal'))) {
    const timeline = timelineOfHistoryFile(name);
    if (timeline === undefined) continue;
    files.push({ timeline, text: readFileSync(join(dataDirectory, 'pg_wal', name), 'utf8') });
  }
  return files.sort((a, b) => a.timeline - b.timeline);
}

function pathOf(dataDirectory: string, timeline: TimelineId): string {
  return join(dataDirectory, 'pg_wal', timelineHistoryFileName(timeline));
}
