import { type Lsn, parseLsn, type TimelineId, timelineId } from '#libs/kernel';
import type { SqlSession } from '#libs/postgres-run';

const ASK_TIMEOUT_MS = 500;

const POSITION_SQL = `
SELECT pg_last_wal_replay_lsn()::text AS replayed, pg_last_wal_receive_lsn()::text AS received,
       greatest((SELECT timeline_id FROM pg_control_checkpoint()),
                (SELECT min_recovery_end_timeline FROM pg_control_recovery())) AS timeline`;

export type ReplayedPosition = {
  readonly replayedLsn: Lsn;
  /** Null after a restart without a receiver. */
  readonly receivedLsn: Lsn | null;
  readonly timeline: TimelineId;
};

/** Null when the standby does not answer: its files tell then. */
export async function readReplayedPosition(sql: SqlSession): Promise<ReplayedPosition | null> {
  try {
    const [row] = await sql.query(POSITION_SQL, [], ASK_TIMEOUT_MS);
    const { replayed, received, timeline } = row ?? {};
    if (typeof replayed !== 'string') return null;
    return {
      replayedLsn: parseLsn(replayed),
      receivedLsn: typeof received === 'string' ? parseLsn(received) : null,
      timeline: timelineId(Number(timeline)),
    };
  } catch {
    return null;
  }
}
