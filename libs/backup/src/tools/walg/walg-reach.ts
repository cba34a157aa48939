import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lsn, lsnOf, type TimelineId, timelineId } from '#libs/kernel';
import {
  parseTimelineHistory,
  type TimelineHistory,
  timelineHistoryFileName,
} from '#libs/postgres-model';
import type { Installation } from '#libs/postgres-run';
import { type AskRun, followArchive } from '../../archived-line.ts';
import { INSPECT_LIMIT_MS } from '../../limits.ts';
import type { SourceFacts, WalProgram } from '../../rebuild-tool.ts';
import { segmentAt, WAL_SEGMENT_BYTES, walOf } from '../../wal-segment.ts';
import { fetchWal } from '../../wal-transfer.ts';
import type { ShownTimeline, WalgBackup } from './walg.output.ts';

type Reach = Pick<SourceFacts, 'wal' | 'missing'>;

export type WalgArchive = {
  /** Null where the archive has no history of the timeline. */
  readonly historyOf: (timeline: TimelineId) => Promise<TimelineHistory | null>;
  /** Null from a WAL-G that cannot tell. */
  readonly timelines: () => Promise<readonly ShownTimeline[] | null>;
};

/**
 * How far the archive leads from a backup, which tells its own first segment alone, to the present timeline. Where
 * WAL-G does not list what is there, a new primary's history, the first file that it archives, says how far at least.
 */
export async function reachFrom(
  wal: NonNullable<WalgBackup['wal']>,
  present: TimelineId,
  archive: WalgArchive,
): Promise<Reach> {
  const own: TimelineHistory = { timeline: timelineId(wal.timeline), ancestors: [] };
  const history = wal.timeline === present ? own : await archive.historyOf(present);
  const shown = await archive.timelines();
  const lost = history === null ? { missing: timelineHistoryFileName(present) } : {};
  if (shown === null) {
    const fork = history?.ancestors.at(-1);
    return { wal: fork === undefined ? wal : { timeline: present, lsn: fork.endLsn }, ...lost };
  }
  const begin = { timeline: wal.timeline, lsn: lsnOf(wal.lsn - WAL_SEGMENT_BYTES) };
  return { ...lost, ...(await followArchive(begin, history ?? own, asShown(shown))) };
}

function asShown(timelines: readonly ShownTimeline[]): AskRun {
  return (timeline, from) => {
    const first = segmentAt(timeline, from);
    const one = timelines.find(({ id }) => id === timeline);
    if (one === undefined || one.end_segment < first) {
      return Promise.resolve({ end: from, goesOn: false });
    }
    if (first < one.start_segment) return Promise.resolve({ end: from, goesOn: true });
    const gap = (one.missing_segments ?? []).filter((name) => name >= first).sort()[0];
    return Promise.resolve({ end: endBefore(gap, one), goesOn: gap !== undefined });
  };
}

function endBefore(gap: string | undefined, { end_segment }: ShownTimeline): Lsn {
  const end = walOf(gap ?? end_segment)?.lsn ?? lsnOf(0n);
  return gap === undefined ? end : lsnOf(end - WAL_SEGMENT_BYTES);
}

/** @throws ProcessError when the archive does not answer */
export async function archivedHistory(
  timeline: TimelineId,
  installation: Pick<Installation, 'runAs'>,
  program: WalProgram,
): Promise<TimelineHistory | null> {
  const directory = mkdtempSync(join(tmpdir(), 'matriarch-'));
  try {
    const { runAs } = installation;
    if (runAs !== undefined) chownSync(directory, runAs.uid, runAs.gid);
    const file = timelineHistoryFileName(timeline);
    const path = join(directory, file);
    const transfer = { file, path, timeoutMs: INSPECT_LIMIT_MS };
    if (!(await fetchWal(installation, program, transfer))) return null;
    return parseTimelineHistory(timeline, readFileSync(path, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
