import type { SqlTarget } from './sql-connection.ts';
import { SqlSession } from './sql-session.ts';

/**
 * Takes `count` walsenders of a server at once and gives them back: whether it would let a copy or a
 * standby in. When it returns they are free again, so that whoever was asked for can have them.
 *
 * @throws what refused the first one that was not given
 */
export async function tryWalsenders(target: SqlTarget, count: number): Promise<void> {
  const sessions = Array.from(
    { length: count },
    () => new SqlSession({ ...target, replication: true }),
  );
  try {
    const tries = await Promise.allSettled(sessions.map((one) => one.query('IDENTIFY_SYSTEM')));
    const refused = tries.find((outcome) => outcome.status === 'rejected');
    if (refused !== undefined) throw refused.reason;
  } finally {
    await Promise.all(sessions.map((one) => one.end()));
  }
}
