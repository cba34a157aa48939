/**
 * What synchronous replication rests on, on PostgreSQL itself: who is waited for, what a failover may rely
 * on, and that clients of a restarted primary see nothing that could still be lost.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterSettings, configurationOf } from '#libs/cluster';
import { instanceName, messageOf, present } from '#libs/kernel';
import { signalAll } from '../../hosts/signal-all.ts';
import { until } from '../until.ts';
import type { AgentHost } from './agent-host.ts';
import { AgentTrio } from './agent-trio.ts';

const LIMIT_MS = 30_000;
const LAG_LIMIT_BYTES = 16_777_216n;
/** Of about a megabyte each, in one commit. */
const bulkSql = (records: number) =>
  `SELECT pg_logical_emit_message(true, 'bulk', repeat('x', 1000000)) IS NULL FROM generate_series(1, ${records})`;
const BEYOND_THE_LIMIT = 20;
/** Long enough for whatever is proved to be committed: that takes a tenth of it. */
const UNPROVED_MS = 1_500;

let trio: AgentTrio;

beforeAll(async () => {
  trio = await AgentTrio.create();
  await trio.bootstrap(
    {},
    {
      synchronousMode: 'quorum',
      synchronousStrict: true,
      maximumLagOnSyncStandbyBytes: LAG_LIMIT_BYTES,
    },
  );
});

afterAll(async () => {
  await (trio as AgentTrio | undefined)?.remove();
});

/** "k of a, b": what a failover may rely on, as committed. */
function relied(): string {
  const committed = trio.leader.state?.sync?.committed;
  if (committed == null) return 'nobody';
  const names = committed.members.map(({ instance }) => instance).sort();
  return `${committed.count} of ${names.join(', ')}`;
}

/** Until that is committed, and PostgreSQL has proved the order that leads there: nothing is under way. */
async function reliedOn(count: number, hosts: readonly AgentHost[]): Promise<void> {
  const names = hosts.map(({ name }) => name).sort();
  const expected = `${count} of ${names.join(', ')}`;
  const isSettled = (): boolean => {
    const { ordered, confirmedAt } = trio.leader.state?.sync ?? {};
    const same = ordered?.count === count && ordered.names.length === names.length;
    return relied() === expected && same && confirmedAt !== null;
  };
  await until(isSettled, LIMIT_MS).catch((cause: unknown) => {
    throw new Error(`relied on is ${relied()}, not ${expected}, or not proved`, { cause });
  });
}

function standbys(): [AgentHost, AgentHost] {
  const [first, second] = trio.standbys;
  return [present(first, 'a standby'), present(second, 'another standby')];
}

describe('synchronous replication', () => {
  it("a stranger under a member's name puts that member out of the set, and is then ended (safety 14)", async () => {
    const [imitated, other] = standbys();
    await reliedOn(1, [imitated, other]);
    const stranger = receivesAs(imitated);
    const said = trio.primary.log().length;
    try {
      await reliedOn(1, [other]);
      // It is there no more, without our doing.
      await until(() => stranger.exitCode !== null, LIMIT_MS);
      expect(trio.primary.log().slice(said)).toMatch(
        /"member":"\S+","applicationName":"\S+","address":"127\.0\.0\.1","pid":\d+.*the name of a member ended/,
      );
    } finally {
      stranger.kill('SIGKILL');
    }
    await reliedOn(1, [imitated, other]);
  });

  it('nor is a commit acknowledged by a stranger beside the only standby there is: strict (safety 14)', async () => {
    const [imitated, away] = standbys();
    await reliedOn(1, [imitated, away]);
    const agent = present(away.agent?.pid, 'a running agent');
    signalAll([agent], 'SIGSTOP');
    await reliedOn(1, [imitated]);
    const receiver = await until(() => imitated.receiverPid(), LIMIT_MS);
    const before = trio.leader.events.length;
    // What is acknowledged from here on is by the stranger.
    signalAll([receiver], 'SIGSTOP');
    const stranger = receivesAs(imitated);
    try {
      await until(() => sendersOf(imitated) === 2, LIMIT_MS);
      await delay(UNPROVED_MS);
      const commit = trio.sql(trio.primary, bulkSql(1)).then(() => 'acknowledged');
      expect(await Promise.race([commit, delay(UNPROVED_MS, 'waits')])).toBe('waits');
      await until(() => stranger.exitCode !== null, LIMIT_MS);
      signalAll([receiver], 'SIGCONT');
      expect(await commit).toBe('acknowledged');
      await reliedOn(1, [imitated]);
      const { names } = present(trio.leader.state?.sync?.ordered, 'an order');
      expect(ordersSince(before)).toEqual([[], names]);
    } finally {
      stranger.kill('SIGKILL');
      signalAll([receiver, agent], 'SIGCONT');
    }
    await reliedOn(1, [imitated, away]);
  });

  it('a standby that was built anew is not the member that commits were counted for (safety 14)', async () => {
    const [rebuilt, other] = standbys();
    await reliedOn(1, [rebuilt, other]);
    const name = () => trio.leader.state?.members[rebuilt.name]?.replicationName;
    const before = present(name(), 'a name for replication');
    const ordered = trio.leader.events.length;
    const instance = instanceName(rebuilt.name);
    const order = { method: 'basebackup', from: null, force: false } as const;
    expect(trio.leader.command({ type: 'rebuild', instance, ...order }).kind).toBe('decided');
    const since = () => trio.leader.events.slice(ordered).map(({ event }) => event.type);
    await until(() => since().includes('RebuildCompleted'), LIMIT_MS);
    await until(() => name() !== before, LIMIT_MS);
    await reliedOn(1, [rebuilt, other]);
    expect(trio.leader.state?.sync?.ordered.names).not.toContain(before);
  });

  it('nothing is relied on before every walsender has read what it is to wait for (safety 2)', async () => {
    const [first, second] = standbys();
    await reliedOn(1, [first, second]);
    const { processes } = trio.primary.processes.scan();
    const senders = processes.filter(({ title }) => /walsender/.test(title)).map(({ pid }) => pid);
    expect(senders).toHaveLength(2);
    signalAll(senders, 'SIGSTOP');
    try {
      waitsFor(2);
      await until(() => trio.leader.state?.sync?.ordered.count === 2, LIMIT_MS);
      const said = trio.primary.log().length;
      const unread = /walsenders have not read synchronous_standby_names yet/;
      await until(() => unread.test(trio.primary.log().slice(said)), LIMIT_MS);
      expect(trio.leader.state?.sync).toMatchObject({ ordered: { count: 2 }, confirmedAt: null });
      expect(relied()).toMatch(/^1 of/);
    } finally {
      signalAll(senders, 'SIGCONT');
    }
    await reliedOn(2, [first, second]);
    waitsFor(1);
    await reliedOn(1, [first, second]);
  });

  it('nothing is relied on before the checkpointer knows that commits wait (safety 2)', async () => {
    const both = standbys();
    await reliedOn(1, both);
    const host = trio.primary;
    changed({ synchronousMode: 'off' });
    await until(() => relied() === 'nobody', LIMIT_MS);
    await trio.holds(
      () => host,
      "SELECT current_setting('synchronous_standby_names') = '' AS holds",
    );
    const { processes } = host.processes.scan();
    const checkpointer = processes.filter(({ title }) => /checkpointer/.test(title));
    expect(checkpointer).toHaveLength(1);
    const pids = checkpointer.map(({ pid }) => pid);
    const said = host.log().length;
    signalAll(pids, 'SIGSTOP');
    try {
      changed({ synchronousMode: 'quorum' });
      // Every backend and every walsender knows it by now, and still no commit waits.
      const unarmed = /"setting":"ANY.*"armed":false,"message":"commits wait for"/;
      await until(() => unarmed.test(host.log().slice(said)), LIMIT_MS);
      const untilMs = performance.now() + UNPROVED_MS;
      while (performance.now() < untilMs) {
        expect(relied()).toBe('nobody');
        await delay(20);
      }
    } finally {
      signalAll(pids, 'SIGCONT');
    }
    await reliedOn(1, both);
  });

  it('what commits wait for is put back, and proved, once somebody else sets it (safety 2)', async () => {
    await reliedOn(1, standbys());
    const host = trio.primary;
    const said = host.log().length;
    await trio.sql(host, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    const begunMs = performance.now();
    await trio.sql(host, 'SELECT pg_reload_conf()');
    // A commit that waited for nobody's answer would hang until the next look at the files, up to ten seconds.
    await trio.sql(host, bulkSql(1));
    await until(() => /commits surely wait/.test(host.log().slice(said)), LIMIT_MS);
    expect(performance.now() - begunMs).toBeLessThan(3_000);
    expect(host.log().slice(said)).toMatch(/synchronous_standby_names is 'nobody' by .*auto\.conf/);
  });

  it('a standby that lags leaves the set, commits go on, and it comes back', async () => {
    const [lagging, other] = standbys();
    await reliedOn(1, [lagging, other]);
    const receiver = await until(() => lagging.receiverPid(), LIMIT_MS);
    process.kill(receiver, 'SIGSTOP');
    try {
      await trio.sql(trio.primary, bulkSql(BEYOND_THE_LIMIT));
      await reliedOn(1, [other]);
      await trio.sql(trio.primary, bulkSql(1));
      const [sync, quorum] = await Promise.all(
        ['/sync', '/quorum'].map((path) => other.status(path)),
      );
      expect([sync, quorum]).toEqual([503, 200]);
      await until(async () => (await lagging.status('/async')) === 200, LIMIT_MS);
      expect(await lagging.status('/quorum')).toBe(503);
    } finally {
      process.kill(receiver, 'SIGCONT');
    }
    await reliedOn(1, [lagging, other]);
    await until(async () => (await lagging.status('/quorum')) === 200, LIMIT_MS);
  });

  it('a restarted primary lets clients in once a standby has what it recovered (safety 12)', async () => {
    const both = standbys();
    await reliedOn(1, both);
    const host = trio.primary;
    const receivers = await Promise.all(
      both.map((each) => until(() => each.receiverPid(), LIMIT_MS)),
    );
    const agents = both.map(({ agent }) => present(agent?.pid, 'a running agent'));
    // Nobody can take over: the agents of both are silent, and neither receives.
    signalAll([...agents, ...receivers], 'SIGSTOP');
    try {
      await until(() => both.every(({ name }) => trio.leader.isSilent(name)), LIMIT_MS);
      const before = present(host.postmasterPid(), 'a postmaster');
      process.kill(before, 'SIGKILL');
      await until(() => ![null, before].includes(host.postmasterPid()), LIMIT_MS);
      await until(() => isKeptOut(host), LIMIT_MS);
      // PostgreSQL itself serves, as its agent sees it.
      await until(() => trio.leader.report(host.name)?.postgres.kind === 'primary', LIMIT_MS);
      expect(await host.status('/primary')).toBe(503);
      expect(await isKeptOut(host)).toBe(true);
    } finally {
      signalAll([...receivers, ...agents], 'SIGCONT');
    }
    await until(async () => (await host.status('/primary')) === 200, LIMIT_MS);
    await trio.sql(host, bulkSql(1));
    expect(trio.holder).toBe(host.name);
    expect(trio.leader.problems).toEqual([]);
  });
});

/** How many walsenders stream under the name of `member`, as the leader has heard. */
function sendersOf({ name }: AgentHost): number {
  const postgres = trio.leader.report(trio.primary.name)?.postgres;
  const own = trio.leader.state?.members[name]?.replicationName;
  if (postgres?.kind !== 'primary') return 0;
  return postgres.standbys.filter(({ applicationName }) => applicationName === own).length;
}

/** The names of each order that PostgreSQL was given. */
function ordersSince(position: number): (readonly string[])[] {
  const happened = trio.leader.events.slice(position).map(({ event }) => event);
  return happened.flatMap((event) =>
    event.type === 'SyncSettingOrdered' ? [event.setting.names] : [],
  );
}

/** `pg_receivewal` flushes and says so, under the name by which commits count `member`. */
function receivesAs(member: AgentHost): ChildProcess {
  const name = present(
    trio.leader.state?.members[member.name]?.replicationName,
    'a name for replication',
  );
  const directory = mkdtempSync(join(trio.root, 'stranger-'));
  const to = `host=127.0.0.1 port=${trio.primary.port} user=replicator application_name=${name}`;
  return spawn('pg_receivewal', ['-D', directory, '--synchronous', '--no-loop', '-d', to], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PGPASSWORD: 'r: secret' },
  });
}

function waitsFor(count: number): void {
  changed({ synchronousNodeCount: count });
}

function changed(change: Partial<ClusterSettings>): void {
  const state = present(trio.leader.state, 'a cluster');
  const before = configurationOf(state);
  const settings = { ...before.settings, ...change };
  const configuration = { ...before, settings };
  const command = {
    type: 'configure',
    configuration,
    expectedRevision: null,
    comment: null,
  } as const;
  expect(trio.leader.command(command).kind).toBe('decided');
}

/** Refused by the access file; not merely because it does not run yet. */
async function isKeptOut(host: AgentHost): Promise<boolean> {
  try {
    await (await host.client()).end();
    return false;
  } catch (error) {
    return /pg_hba\.conf/.test(messageOf(error));
  }
}
