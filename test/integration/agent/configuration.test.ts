import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterConfiguration } from '#libs/cluster';
import { configurationOf, NO_ACCESS_OVERRIDES } from '#libs/cluster';
import { until } from '../until.ts';
import { AgentTrio, BOOT_LIMIT_MS } from './agent-trio.ts';

let trio: AgentTrio;

beforeAll(async () => {
  trio = await AgentTrio.create();
});

afterAll(async () => {
  await trio?.remove();
});

function configure(change: Partial<ClusterConfiguration>): void {
  const { state } = trio.leader;
  if (state === null) throw new Error('there is no cluster');
  const configuration = { ...configurationOf(state), ...change };
  const command = { type: 'configure', configuration, expectedRevision: null } as const;
  expect(trio.leader.command({ ...command, comment: null }).kind).toBe('decided');
}

const shows = (name: string, value: string) =>
  `SELECT current_setting('${name}') = '${value}' AS holds`;

const access = (user: string) => ({ pgHba: [`host all ${user} all reject`], pgIdent: [] });

/** The lines of its own, then of its role, and of no other; all before those of the whole cluster. */
async function accessByRole(): Promise<void> {
  for (const { name } of trio.hosts) {
    const role = name === trio.holder ? 'writer' : 'reader';
    const users = name === 'pg3' ? `third,${role}` : role;
    const rules = `SELECT string_agg(user_name[1], ',' ORDER BY line_number) = '${users}' AS holds
      FROM pg_hba_file_rules WHERE user_name && '{writer,reader,third}' AND error IS NULL`;
    const host = () => trio.hosts.find((one) => one.name === name) ?? trio.primary;
    await trio.holds(host, rules);
  }
}

describe('a configuration on real PostgreSQL', () => {
  it('is in force after a reload, by cluster, role and instance', async () => {
    // As a cluster's file may have it from the first revision on.
    await trio.bootstrap({
      accessOverrides: { ...NO_ACCESS_OVERRIDES, primary: access('writer') },
    });
    const given = `SELECT count(*) = 1 AS holds FROM pg_hba_file_rules
      WHERE user_name = '{writer}' AND error IS NULL`;
    await trio.holds(() => trio.primary, given);
    const instances = { pg3: { work_mem: '7MB' } };
    const overrides = { primary: { log_min_messages: 'info' }, standby: {}, instances };
    const accessOverrides = {
      ...{ primary: access('writer'), standby: access('reader') },
      instances: { pg3: access('third') },
    };
    const parameters = { shared_buffers: '16MB', work_mem: '9MB' };
    configure({ parameters, overrides, accessOverrides });
    for (const host of trio.hosts) {
      await trio.holds(() => host, shows('work_mem', host.name === 'pg3' ? '7MB' : '9MB'));
    }
    await trio.holds(() => trio.primary, shows('log_min_messages', 'info'));
    await accessByRole();
  });

  it('what waits for a restart is told with both values', async () => {
    const parameters = { shared_buffers: '16MB', max_connections: '150' };
    configure({ parameters });
    const [standby] = trio.standbys;
    const pending = await until(
      () => trio.leader.report(standby?.name ?? '')?.pendingRestart?.[0] ?? null,
      BOOT_LIMIT_MS,
    );
    expect(pending).toEqual({ name: 'max_connections', running: '100', configured: '150' });
    // The primary keeps what its standbys have, until they have more.
    await trio.holds(
      () => trio.primary,
      'SELECT NOT bool_or(pending_restart) AS holds FROM pg_settings',
    );
  });

  it('a rolling restart brings it everywhere, with a switchover in between', async () => {
    const before = trio.primary.name;
    const plan = { instances: null, rolling: true, onlyPending: false, role: null, at: null };
    expect(trio.leader.command({ type: 'restart', ...plan }).kind).toBe('decided');
    await until(() => trio.leader.state?.restart === null, 90_000);
    const types = trio.leader.events.map(({ event }) => event.type);
    expect(types).toContain('SwitchoverCompleted');
    expect(types).not.toContain('FailoverStarted');
    expect(
      trio.leader.events.findLast(({ event }) => event.type === 'RestartEnded')?.event,
    ).toMatchObject({ outcome: 'completed' });
    for (const host of trio.hosts) await trio.holds(() => host, shows('max_connections', '150'));
    expect(trio.holder).not.toBe(before);
    await accessByRole();
    expect(trio.leader.problems).toEqual([]);
  });

  it('WAL is archived from a later revision on, and waits for a restart', async () => {
    configure({ archive: { tool: 'custom' } });
    for (const { name } of trio.hosts) {
      await until(
        () =>
          trio.leader.report(name)?.pendingRestart?.some((one) => one.name === 'archive_mode') ??
          false,
        BOOT_LIMIT_MS,
      );
    }
    configure({ archive: null });
    for (const host of trio.hosts) {
      await trio.holds(() => host, 'SELECT NOT bool_or(pending_restart) AS holds FROM pg_settings');
    }
  });

  it('one that PostgreSQL does not start with stops nothing: what worked comes back, with the reason', async () => {
    const parameters = { shared_buffers: '16MB', max_connections: '150' };
    configure({ parameters: { ...parameters, shared_preload_libraries: 'no_such_library' } });
    for (const { name } of trio.hosts) {
      await until(() => (trio.leader.report(name)?.pendingRestart ?? []).length > 0, BOOT_LIMIT_MS);
    }
    const plan = { instances: null, rolling: true, onlyPending: false, role: null, at: null };
    expect(trio.leader.command({ type: 'restart', ...plan }).kind).toBe('decided');
    await until(() => trio.leader.state?.restart === null, 90_000);
    const ended = trio.leader.events.findLast(({ event }) => event.type === 'RestartEnded')?.event;
    const reason = expect.stringMatching(/does not start with revision .*no_such_library/);
    expect(ended).toMatchObject({ outcome: 'failed', reason });
    await trio.streaming(2);
    configure({ parameters });
    await until(
      () => trio.hosts.every(({ name }) => trio.leader.report(name)?.problem === null),
      BOOT_LIMIT_MS,
    );
  });

  it('a mistake by hand in postgresql.conf ends each start at once: tried later each time, until it is mended', async () => {
    const [host] = trio.standbys;
    if (host === undefined) throw new Error('there is a standby');
    const file = join(host.dataDirectory, 'postgresql.conf');
    const text = readFileSync(file, 'utf8');
    const said = host.log().length;
    writeFileSync(file, `${text}\nno such line\n`);
    process.kill(host.postmasterPid() ?? 0, 'SIGKILL');
    const problem = () => trio.leader.report(host.name)?.problem ?? '';
    await until(() => /does not start .*contains errors/.test(problem()), BOOT_LIMIT_MS);
    await delay(3_000);
    const starts =
      readFileSync(join(host.stateDirectory, 'postgresql.log'), 'utf8').match(/contains errors/g) ??
      [];
    expect(starts.length).toBeLessThan(10);
    expect(
      host
        .log()
        .slice(said)
        .match(/PostgreSQL is down/g)?.length,
    ).toBeLessThan(3);
    writeFileSync(file, text);
    await trio.streaming(2);
  });
});
