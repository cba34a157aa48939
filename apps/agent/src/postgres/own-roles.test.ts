import { expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import type { SqlSession } from '#libs/postgres-run';
import { runningCluster } from '#libs/testing';
import { RoleWatch } from './own-roles.ts';

const role = (username: string) => ({ username, password: 'secret' });
const credentials = {
  superuser: role('postgres'),
  replication: role('replicator'),
  rewind: role('rewinder'),
};
const { state } = runningCluster();

/** A server with these roles, and what it was asked to do. */
function server(...present: string[]) {
  const done: string[] = [];
  const query = (text: string) => {
    if (text.startsWith('SELECT')) {
      return Promise.resolve(present.map((rolname) => ({ rolname })));
    }
    done.push(/CREATE ROLE "(\w+)"/.exec(text)?.[1] ?? text);
    return Promise.resolve([]);
  };
  return { done, sql: { query } as unknown as SqlSession };
}

function watching(instance: string) {
  const told: unknown[] = [];
  const log = {
    info: () => undefined,
    warn: (_: string, fields: unknown) => void told.push(fields),
  };
  const watch = new RoleWatch(log as never);
  const look = (sql: SqlSession, nowMs: number) =>
    watch.look(state, { instance: instanceName(instance), credentials, sql }, nowMs);
  return { told, look };
}

it('a role of ours that somebody dropped is made anew on the primary, and told', async () => {
  const { look, told } = watching('pg1');
  const { sql, done } = server('rewinder');
  await look(sql, 0);
  expect(done).toEqual(['replicator']);
  expect(told).toEqual([{ made: ['replicator'] }]);
  await look(sql, 9_000);
  expect(done).toHaveLength(1);
});

it('nothing is made where both are, and nothing on a standby', async () => {
  const whole = server('replicator', 'rewinder');
  await watching('pg1').look(whole.sql, 0);
  const standby = server();
  await watching('pg2').look(standby.sql, 0);
  expect([whole.done, standby.done]).toEqual([[], []]);
});
