import type { ClientBase } from 'pg';
import { type Lsn, parseLsn, type TimelineId, timelineId } from '#libs/kernel';

/**
 * The client's table. `run` keeps the rows of several clients of one cluster apart; `host` is where
 * the client sent the row, so that a row's origin can be told afterwards.
 */
const CREATE = `create table if not exists matriarch_probe (
  run bigint not null, id bigint not null, host text not null, primary key (run, id))`;

/**
 * Timeline and position are read in the statement that writes, on the instance that writes: a commit
 * that was acknowledged always knows them, and a standby fails on the insert before it gets there.
 */
const INSERT = `insert into matriarch_probe (run, id, host) values ($1, $2, $3)
  returning substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) as timeline,
    pg_current_wal_insert_lsn()::text as lsn`;

const PRESENT = 'select id from matriarch_probe where run = $1 and id >= $2 and id < $3';

export async function createProbeTable(client: ClientBase): Promise<void> {
  await client.query(CREATE);
}

export type ProbeRow = { readonly run: number; readonly id: number; readonly host: string };

/** Where a row was written; its commit lies a few bytes further on. */
export type WrittenAt = { readonly timeline: TimelineId; readonly lsn: Lsn };

/** Resolves once the commit was acknowledged. */
export async function insertProbeRow(client: ClientBase, row: ProbeRow): Promise<WrittenAt> {
  const answer = await client.query<{ timeline: string; lsn: string }>({
    name: 'matriarch_probe_insert',
    text: INSERT,
    values: [row.run, row.id, row.host],
  });
  const { timeline = '', lsn = '' } = answer.rows[0] ?? {};
  return { timeline: timelineId(Number.parseInt(timeline, 16)), lsn: parseLsn(lsn) };
}

/** Which ids of [from, to) this instance has. */
export async function presentIds(
  client: ClientBase,
  range: { readonly run: number; readonly from: number; readonly to: number },
): Promise<Set<number>> {
  const answer = await client.query<{ id: string }>(PRESENT, [range.run, range.from, range.to]);
  return new Set(answer.rows.map((row) => Number(row.id)));
}
