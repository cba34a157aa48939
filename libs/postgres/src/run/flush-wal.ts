import type { SqlTarget } from './sql-connection.ts';
import { SqlSession } from './sql-session.ts';

/** A commit flushes all WAL before it; only locally, so that it waits for no synchronous standby. */
const FLUSH_SQL = `BEGIN; SET LOCAL synchronous_commit = local; SELECT txid_current(); COMMIT`;

/**
 * Makes a primary write and flush one commit record. To be called on the source after each `rewind`:
 * pg_rewind takes the source's insert position for the position that the target must reach, and when
 * the last record ended with its page, that one lies behind the next page's header. On an idle primary
 * the rewound standby then accepts no connections until something else is written (seen: over 20 s).
 */
export async function flushWal(target: SqlTarget): Promise<void> {
  const session = new SqlSession({ ...target, applicationName: 'matriarch flush' });
  try {
    await session.query(FLUSH_SQL);
  } finally {
    session.close();
  }
}
