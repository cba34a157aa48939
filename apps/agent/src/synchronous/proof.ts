import { setTimeout as delay } from 'node:timers/promises';
import type { SqlSession } from '#libs/postgres-run';
import { NotYetError } from '../steps/step-error.ts';
import { priorityIn } from './setting-text.ts';

const POLL_MS = 5;
const PROOF_LIMIT_MS = 1_000;

type Walsender = {
  readonly name: string;
  readonly priority: number;
  readonly hasFlushed: boolean;
};

const WALSENDERS_SQL = `
SELECT application_name AS name, sync_priority AS priority, flush_lsn IS NOT NULL AS flushed,
       (SELECT setting FROM pg_settings WHERE name = 'synchronous_standby_names') AS in_force
FROM (SELECT 1) AS one LEFT JOIN pg_stat_replication ON true`;

/**
 * PostgreSQL 13 tells every client its DateStyle and TimeZone at each reload, a walsender its receiver
 * before it comes to `synchronous_standby_names`: with what waits to be sent it writes until a receiver
 * that does not read reads again, or its connection ends, without looking at `wal_sender_timeout`. From 14
 * on none waits there. One that is ended releases no commit, and its standby connects again when it can.
 */
const END_HELD_UP_SQL = `
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity JOIN pg_stat_replication USING (pid, application_name)
WHERE wait_event = 'ClientWrite' AND application_name = ANY($1)`;

/** Every walsender, with the priority that it read itself. */
export async function walsenders(
  sql: SqlSession,
): Promise<{ readonly inForce: string; readonly senders: readonly Walsender[] }> {
  const rows = await sql.query(WALSENDERS_SQL, []);
  const senders = rows.flatMap(({ name, priority, flushed }): Walsender[] => {
    if (typeof name !== 'string') return [];
    return [{ name, priority: Number(priority), hasFlushed: flushed === true }];
  });
  return { inForce: String(rows[0]?.['in_force'] ?? ''), senders };
}

/**
 * Waits until no process can release commits by an older value (safety 2): the value is in force in a
 * backend, and each walsender shows the priority of `text`. One without a flush position shows none:
 * under one of `names`, old or new, it is waited for.
 *
 * @throws NotYetError
 */
export function provenInForce(
  sql: SqlSession,
  text: string,
  names: readonly string[],
): Promise<void> {
  return untilRead(sql, text, ({ name, priority, hasFlushed }) => {
    const waits = !hasFlushed && names.includes(name);
    return waits || priority !== priorityIn(text, name);
  });
}

/** In a backend; walsenders may read it when they come to it. @throws NotYetError */
export function inForceInBackends(sql: SqlSession, text: string): Promise<void> {
  return untilRead(sql, text, () => false);
}

async function untilRead(
  sql: SqlSession,
  text: string,
  isBehind: (walsender: Walsender) => boolean,
): Promise<void> {
  const begunMs = performance.now();
  for (;;) {
    const { inForce, senders } = await walsenders(sql);
    const behind = senders.filter(isBehind);
    if (inForce === text && behind.length === 0) return;
    if (performance.now() - begunMs > PROOF_LIMIT_MS) {
      const late = behind.map(({ name }) => name);
      if (inForce === text && late.length > 0) await sql.query(END_HELD_UP_SQL, [late]);
      const whom = late.join(', ');
      throw new NotYetError(
        inForce === text
          ? `walsenders have not read synchronous_standby_names yet: ${whom}`
          : `synchronous_standby_names is '${inForce}', not '${text}': another file may set it`,
      );
    }
    await delay(POLL_MS);
  }
}
