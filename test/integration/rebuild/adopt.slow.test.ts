import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import type { AgentHost } from '../agent/agent-host.ts';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';

let rig: RebuildRig;

afterEach(async () => rig?.remove());

const bootstrap = {
  source: null,
  adopt: [instanceName('pg1'), instanceName('pg2')],
  initdbOptions: [],
  sql: [],
};

/** As `pg_ctl` starts what an earlier system keeps: not ours, on its own port. */
async function earlier(host: AgentHost, verb: 'start' | 'stop'): Promise<void> {
  const options = `-p ${host.port} -k ${host.directory} -c listen_addresses=127.0.0.1`;
  const log = join(host.directory, 'earlier.log');
  const how = verb === 'start' ? ['-l', log, '-o', options] : ['-m', 'fast'];
  await rig.asPostgres(['pg_ctl', verb, '-w', '-D', host.dataDirectory, ...how]);
}

/** A primary with one row and its standby, both running and streaming. */
async function earlierPair(): Promise<readonly [AgentHost, AgentHost]> {
  rig = await RebuildRig.create({ definition: { bootstrap } });
  const [first, second] = rig.hosts;
  if (first === undefined || second === undefined) throw new Error('there are two hosts');
  await rig.asPostgres(['initdb', '-A', 'trust', '-k', '-N', '-D', first.dataDirectory]);
  await earlier(first, 'start');
  await rig.psql(first, 'CREATE TABLE kept AS SELECT 7 AS a');
  const source = ['-h', first.directory, '-p', String(first.port)];
  const copy = ['pg_basebackup', ...source, '-R', '-c', 'fast', '-D', second.dataDirectory];
  await rig.asPostgres(copy);
  await earlier(second, 'start');
  await until(async () => {
    const { stdout } = await rig.psql(first, 'SELECT count(*) FROM pg_stat_replication');
    return stdout.trim() === '1';
  }, 30_000);
  return [first, second];
}

async function goesOnAsOurs(): Promise<void> {
  await rig.streaming();
  expect(rig.primary.name).toBe('pg1');
  await rig.psql(rig.primary, 'INSERT INTO kept VALUES (8)');
  await until(async () => {
    const { stdout } = await rig.psql(rig.standby, 'SELECT string_agg(a::text, $$ $$) FROM kept');
    return stdout.trim() === '7 8';
  }, 30_000);
  const kinds = rig.leader.events.map(({ event }) => event.type);
  expect(kinds).not.toContain('RebuildStarted');
  expect(rig.leader.problems).toEqual([]);
}

describe('a primary and its standby that an earlier system runs', () => {
  it('go on as a cluster of ours, each restarted once, and nothing is copied', async () => {
    await earlierPair();
    const pids = rig.hosts.map((host) => host.postmasterPid());
    expect(pids).not.toContain(null);
    await rig.start();
    await goesOnAsOurs();
    expect(rig.leader.events.map(({ event }) => event.type)).toContain('BootstrapStarted');
    for (const host of rig.hosts) expect(pids).not.toContain(host.postmasterPid());
  });

  it('are left as they are while they are of two databases, and both are named', async () => {
    rig = await RebuildRig.create({ definition: { bootstrap } });
    for (const host of rig.hosts) {
      await rig.asPostgres(['initdb', '-A', 'trust', '-N', '-D', host.dataDirectory]);
      await earlier(host, 'start');
    }
    const pids = rig.hosts.map((host) => host.postmasterPid());
    await rig.start();
    const refused = await until(() => {
      const events = rig.leader.events.map(({ event }) => event);
      return events.find(
        (event) =>
          event.type === 'ActionRefused' &&
          event.refusals.some(({ rule }) => rule === 'system-identifiers-differ'),
      );
    }, 60_000).catch((cause: unknown) => {
      throw new Error(rig.said(), { cause });
    });
    expect(JSON.stringify(refused)).toMatch(/pg2 has \d+.*pg1 has \d+/);
    expect(rig.hosts.map((host) => host.postmasterPid())).toEqual(pids);
  });
});

describe('data at rest that an earlier system left', () => {
  it('goes on as a cluster of ours, and nothing is made or copied', async () => {
    const [first, second] = await earlierPair();
    await earlier(first, 'stop');
    await earlier(second, 'stop');
    await rig.start();
    await goesOnAsOurs();
    expect(rig.leader.events.map(({ event }) => event.type)).not.toContain('BootstrapStarted');
  });
});
