import { type TimelineId, timelineId } from '#libs/kernel';
import type { SqlTarget } from './sql-connection.ts';
import { SqlSession } from './sql-session.ts';

/**
 * Makes an immediate checkpoint over a connection of its own: it may take long, and the one for
 * observations must not wait for it.
 */
export async function checkpoint(target: SqlTarget, timeoutMs: number): Promise<void> {
  const session = new SqlSession({ ...target, applicationName: 'matriarch checkpoint' });
  try {
    await session.query('CHECKPOINT', undefined, timeoutMs);
  } finally {
    session.close();
  }
}

/**
 * Timeline in the server's control file, which pg_rewind reads: after a promotion it is the old one
 * until the first checkpoint is complete (safety 17).
 */
export async function checkpointedTimeline(session: SqlSession): Promise<TimelineId> {
  const [row] = await session.query('SELECT timeline_id FROM pg_control_checkpoint()', []);
  return timelineId(Number(row?.['timeline_id']));
}
