import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError, formatLsn, type Lsn } from '#libs/kernel';
import { fsyncDirectory, writeFileDurably } from '#libs/process';
import type { ReplicationSlot } from './observation.ts';
import { RowReader } from './observation-row.ts';
import { slotOf } from './observe-instance.ts';
import type { SqlSession } from './sql-session.ts';

export class SlotStateError extends DomainError {
  readonly code = 'SLOT_STATE_UNREADABLE';
}

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
 * Makes a logical slot in the session's database, unless there is one of the name.
 *
 * @param failover 17 and later: the servers themselves keep it on standbys
 */
export async function ensureLogicalSlot(
  session: SqlSession,
  { name, plugin, failover }: { name: string; plugin: string; failover: boolean },
): Promise<void> {
  const more = failover ? ', false, false, true' : '';
  await session.query(
    `SELECT pg_create_logical_replication_slot($1, $2${more})
      WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1::name)`,
    [name, plugin],
  );
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

/** Lets go of WAL before `to`; a logical slot only from a session in its database. Idle slots only. */
export async function advanceSlot(session: SqlSession, name: string, to: Lsn): Promise<void> {
  await session.query(
    `SELECT pg_replication_slot_advance(slot_name, $2::pg_lsn)
       FROM pg_replication_slots WHERE slot_name = $1::name AND NOT active`,
    [name, formatLsn(to)],
  );
}

/** The slots of a server that may be another's; readable by every role. */
export async function readSlots(session: SqlSession): Promise<ReplicationSlot[]> {
  const [row] = await session.query(
    "SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') AS slots FROM pg_replication_slots s",
    [],
  );
  return new RowReader(row ?? {}).rows('slots').map(slotOf);
}

/**
 * The file in which a server keeps a slot, as the rewind role may read it.
 *
 * @throws SlotStateError
 */
export async function readSlotState(session: SqlSession, name: string): Promise<Buffer> {
  const [row] = await session.query('SELECT pg_read_binary_file($1) AS state', [
    `pg_replslot/${name}/state`,
  ]);
  const state = row?.['state'];
  if (Buffer.isBuffer(state) && state.length > 0) return state;
  throw new SlotStateError(`the state of slot ${name} could not be read from the primary`);
}

/** Puts a copied slot in place; the server takes it at its next start. */
export function putSlotState(dataDirectory: string, name: string, state: Buffer): void {
  const parent = join(dataDirectory, 'pg_replslot');
  const directory = join(parent, name);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { mode: 0o700 });
  writeFileDurably(join(directory, 'state'), state);
  fsyncDirectory(parent);
}
