import { setTimeout as delay } from 'node:timers/promises';
import type { SqlSession } from '#libs/postgres-run';

const LOOKS = 10;
const INTERVAL_MS = 100;
/** Local, as all of our sessions are: it waits for nobody. */
const WRITE_SQL = `
SELECT pg_logical_emit_message(true, 'matriarch', 'commits wait')
WHERE NOT pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')`;

/**
 * A walsender releases commits when its standby says something. What the standby said before the walsender
 * counted (it read `synchronous_standby_names` later, or was still catching up) released nobody, and the standby
 * says nothing more until there is new WAL, or `wal_receiver_status_interval` (10 s) is over. Where every client
 * waits nobody writes any. So after a change of whom commits wait for we do, for as long as some wait.
 *
 * @throws what the statement ended with, when it never succeeded. One that ends between others is no matter: a
 * PostgreSQL that is being stopped has no clients that wait, and the next look writes what this one did not.
 */
export async function releaseWaitingCommits(sql: Pick<SqlSession, 'query'>): Promise<void> {
  let looked = false;
  let failure: unknown;
  for (let look = 0; look < LOOKS; look += 1) {
    try {
      await sql.query(WRITE_SQL, []);
      looked = true;
    } catch (error: unknown) {
      failure = error;
    }
    await delay(INTERVAL_MS);
  }
  if (!looked) throw failure;
}
