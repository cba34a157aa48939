import { describe, expect, it } from 'vitest';
import type { SqlSession } from '#libs/postgres-run';
import { NotYetError } from '../steps/step-error.ts';
import { inForceInBackends, provenInForce } from './proof.ts';

const OLD = 'demo/pg3/0001';
const NEW = 'demo/pg2/0001';
const TEXT = `FIRST 1 ("${NEW}")`;

type Row = { readonly name: string; readonly priority: number; readonly flushed: boolean };

/** What `pg_stat_replication` shows, the same at each look. */
function showing(...rows: readonly Row[]): SqlSession {
  return noting([], ...rows);
}

/** The same; those whose end is asked for, when they wait to write, come into `ended`. */
function noting(ended: unknown[], ...rows: readonly Row[]): SqlSession {
  const query = (text: string, values: readonly unknown[]) => {
    if (/pg_terminate_backend[\s\S]*'ClientWrite'/.test(text)) ended.push(values[0]);
    return Promise.resolve(rows.map((row) => ({ ...row, in_force: TEXT })));
  };
  return { query } as unknown as SqlSession;
}

const read: Row = { name: NEW, priority: 1, flushed: true };

describe.concurrent('a setting is proved to be in force', () => {
  it('once every walsender shows the priority that it gives', async () => {
    const other = { name: OLD, priority: 0, flushed: true };
    await expect(provenInForce(showing(read, other), TEXT, [NEW, OLD])).resolves.toBeUndefined();
  });

  it.each([
    { why: 'a new name has not read it', row: { name: NEW, priority: 0, flushed: true } },
    // After a proof that did not succeed neither the files nor a session know its name any more.
    { why: 'a name of before goes by the old one', row: { name: OLD, priority: 1, flushed: true } },
    { why: 'a name of before has not replied', row: { name: OLD, priority: 0, flushed: false } },
  ])('not while $why', async ({ row }) => {
    const rows = row.name === NEW ? [row] : [read, row];
    const names = row.flushed ? [NEW] : [NEW, OLD];
    await expect(provenInForce(showing(...rows), TEXT, names)).rejects.toThrow(NotYetError);
  });

  it('by the next time, when one that waits for its receiver to read (PostgreSQL 13) was ended', async () => {
    const ended: unknown[] = [];
    const heldUp = { name: OLD, priority: 1, flushed: true };
    const proof = provenInForce(noting(ended, read, heldUp), TEXT, [NEW, OLD]);
    await expect(proof).rejects.toThrow(OLD);
    expect(ended).toEqual([[OLD]]);
  });

  it('in backends, whatever walsenders have read', async () => {
    const late = { name: OLD, priority: 1, flushed: true };
    await expect(inForceInBackends(showing(late), TEXT)).resolves.toBeUndefined();
  });
});
