import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { until } from '../until.ts';
import { AgentTrio, BOOT_LIMIT_MS } from './agent-trio.ts';

const directory = mkdtempSync(join(tmpdir(), 'matriarch-hooks-'));
let trio: AgentTrio;

/** Every program notes who called it with what; `prePromote` refuses where a file says so. */
function program(name: string, body: string): string[] {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return [path];
}

beforeAll(async () => {
  chmodSync(directory, 0o777);
  const said = `echo "$MATRIARCH_INSTANCE $*" >> ${directory}/said`;
  const note = program('note', said);
  const hooks = {
    ...{ onStart: note, onStop: note, onRoleChange: note, onReload: note, beforeStop: note },
    prePromote: program(
      'may-promote',
      `${said}; test ! -e ${directory}/refuse-$MATRIARCH_INSTANCE`,
    ),
    postBootstrap: program('bootstrap', `${said}; psql -XqAt "$1" -c 'CREATE ROLE app'`),
  };
  trio = await AgentTrio.create(() => ({ agent: { hooks }, postgres: {} }));
});

afterAll(async () => {
  await trio?.remove();
  rmSync(directory, { recursive: true });
});

const lines = () => {
  const path = join(directory, 'said');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
};
const untilSaid = (line: string) => until(() => lines().includes(line), BOOT_LIMIT_MS, 50);

describe('programs of an operator, on real PostgreSQL', () => {
  it('postBootstrap prepares the first data directory, and callbacks hear of every start', async () => {
    await trio.bootstrap({});
    const primary = trio.primary.name;
    expect(lines().filter((line) => line.includes('postgres://'))).toEqual([
      expect.stringMatching(new RegExp(`^${primary} postgres://postgres@/postgres\\?host=`)),
    ]);
    expect(
      await trio.sql(trio.primary, "SELECT 1 AS one FROM pg_roles WHERE rolname = 'app'"),
    ).toEqual([{ one: 1 }]);
    await untilSaid(`${primary} on_start primary orders`);
    for (const { name } of trio.standbys) await untilSaid(`${name} on_start replica orders`);
  });

  it('a candidate whose prePromote fails gives the epoch back, and another is promoted', async () => {
    const [refuser, other] = trio.standbys.map(({ name }) => name);
    if (refuser === undefined || other === undefined) throw new Error('two standbys are needed');
    const before = trio.primary.name;
    writeFileSync(join(directory, `refuse-${refuser}`), '');
    const command = { type: 'failover', to: instanceName(refuser), acceptLoss: false } as const;
    await until(() => trio.leader.command(command).kind === 'decided', BOOT_LIMIT_MS, 50);
    await trio.untilPrimary(other);
    expect(lines()).toContain(`${refuser} pre_promote replica orders`);
    expect(trio.leader.report(refuser)?.promotionRefused).toContain('prePromote');
    await untilSaid(`${other} on_role_change primary orders`);
    await untilSaid(`${before} on_role_change replica orders`);
    await trio.streaming(2);
    expect(lines().filter((line) => line.endsWith('on_role_change primary orders'))).toHaveLength(
      1,
    );
  });

  it('beforeStop comes before the stop of a switchover, and the new roles are told', async () => {
    const from = trio.primary.name;
    const target = trio.standbys.find(({ name }) => !existsSync(join(directory, `refuse-${name}`)));
    if (target === undefined) throw new Error('a standby is needed');
    const command = { type: 'switchover', to: instanceName(target.name) } as const;
    await until(() => trio.leader.command(command).kind === 'decided', BOOT_LIMIT_MS, 50);
    await trio.untilPrimary(target.name);
    await untilSaid(`${target.name} on_role_change primary orders`);
    await untilSaid(`${from} on_role_change replica orders`);
    const said = lines().filter((line) => line.startsWith(`${from} `));
    const stop = said.lastIndexOf(`${from} before_stop primary orders`);
    expect(stop).toBeGreaterThan(said.lastIndexOf(`${from} on_role_change primary orders`));
    expect(trio.leader.problems).toEqual([]);
  });
});
