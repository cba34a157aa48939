import { formatLsn, type Lsn, type TimelineId } from '#libs/kernel';

export type WaldumpRequest = {
  readonly binDirectory: string;
  readonly walDirectory: string;
  readonly timeline: TimelineId;
  /** Any position: reading begins with the first record after it. */
  readonly startLsn: Lsn;
  /** Records that begin at or after it are left out. */
  readonly endLsn?: Lsn;
};

export function waldumpArgv(request: WaldumpRequest): readonly string[] {
  return [
    `${request.binDirectory}/pg_waldump`,
    `--path=${request.walDirectory}`,
    `--timeline=${request.timeline}`,
    `--start=${formatLsn(request.startLsn)}`,
    ...(request.endLsn === undefined ? [] : [`--end=${formatLsn(request.endLsn)}`]),
  ];
}
