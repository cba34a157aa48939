import type { SqlSession } from './sql-session.ts';

/**
 * Makes a physical slot unless there is one of the name; it keeps WAL from now on, so that a standby
 * that is about to be cloned finds it.
 *
 * @returns true when it was made
 */
export async function ensurePhysicalSlot(session: SqlSession, slotName: string): Promise<boolean> {
  const rows = await session.query(
    `SELECT pg_create_physical_replication_slot($1, true)
      WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1::name)`,
    [slotName],
  );
  return rows.length > 0;
}

/**
 * Drops a slot that nobody uses.
 *
 * @returns false when there is none, or it is in use
 */
export async function dropIdleSlot(session: SqlSession, slotName: string): Promise<boolean> {
  const rows = await session.query(
    `SELECT pg_drop_replication_slot(slot_name)
       FROM pg_replication_slots WHERE slot_name = $1::name AND NOT active`,
    [slotName],
  );
  return rows.length > 0;
}
