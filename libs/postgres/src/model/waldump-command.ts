import { formatLsn, type Lsn, lsnOf, type TimelineId } from '#libs/kernel';
import { walSegmentName } from './wal-file.ts';

export type WaldumpRequest = {
  readonly binDirectory: string;
  readonly walDirectory: string;
  readonly walSegmentBytes: number;
  readonly timeline: TimelineId;
  /** Any position: reading begins with the first record after it. */
  readonly startLsn: Lsn;
  /** Records that begin at or after it are left out; behind `startLsn`. Its segment must be there. */
  readonly endLsn: Lsn;
};

/**
 * Names the segments, though the positions would do: without them pg_waldump asks whichever file comes
 * first in the directory how long segments are, and gives up when PostgreSQL made that one in advance
 * and has written nothing to it.
 */
export function waldumpArgv(request: WaldumpRequest): readonly string[] {
  const { timeline, startLsn, endLsn, walSegmentBytes } = request;
  return [
    `${request.binDirectory}/pg_waldump`,
    `--path=${request.walDirectory}`,
    `--timeline=${timeline}`,
    `--start=${formatLsn(startLsn)}`,
    `--end=${formatLsn(endLsn)}`,
    walSegmentName(timeline, startLsn, walSegmentBytes),
    walSegmentName(timeline, lsnOf(endLsn - 1n), walSegmentBytes),
  ];
}
