import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { until } from '../until.ts';
import { PatroniPair } from './patroni-pair.ts';
import { passwords, RebuildRig } from './rebuild-rig.ts';

let rig: RebuildRig;
let patroni: PatroniPair;

afterEach(async () => {
  await patroni?.stopServices();
  await rig?.remove();
});

async function shown(host: RebuildRig['hosts'][number], sql: string): Promise<string> {
  return (await rig.psql(host, sql)).stdout.trim();
}

/** docs/runbooks/adopt.md, with what Debian's Patroni and etcd have left. */
describe('a cluster that Patroni keeps', () => {
  it('goes on as one of ours, each PostgreSQL restarted once, and nothing is copied', async () => {
    const adopt = [instanceName('pg1'), instanceName('pg2')];
    const bootstrap = { source: null, adopt, initdbOptions: [], sql: [] };
    // Of Patroni's settings what is to stay goes into the cluster's file (step 3).
    const parameters = { shared_buffers: '16MB', max_connections: '60' };
    rig = await RebuildRig.create({ definition: { bootstrap, parameters } });
    const [first, second] = rig.hosts;
    if (first === undefined || second === undefined) throw new Error('there are two hosts');
    patroni = new PatroniPair(rig, passwords);
    await patroni.start();
    await rig.psql(first, 'CREATE TABLE kept AS SELECT 7 AS a');
    await patroni.switchOff();
    const pids = rig.hosts.map((host) => host.postmasterPid());
    expect(pids).not.toContain(null);
    expect(existsSync(join(first.dataDirectory, 'postgresql.base.conf'))).toBe(true);
    expect(await shown(first, 'SELECT slot_name FROM pg_replication_slots')).toBe('pg2');

    await rig.start();
    await rig.streaming();
    expect(rig.primary.name).toBe('pg1');
    for (const host of rig.hosts) expect(pids).not.toContain(host.postmasterPid());
    await rig.psql(first, 'INSERT INTO kept VALUES (8)');
    await until(async () => {
      return (await shown(second, 'SELECT string_agg(a::text, $$ $$) FROM kept')) === '7 8';
    }, 30_000);
    const kinds = rig.leader.events.map(({ event }) => event.type);
    expect(kinds).not.toContain('RebuildStarted');
    expect(rig.leader.problems).toEqual([]);

    // Patroni gave its parameters on the command line, which ends with its postmaster; ours are in force.
    expect(await shown(first, 'SHOW max_connections')).toBe('60');
    expect(await shown(first, 'SHOW cluster_name')).not.toBe('main');
    // What Patroni wrote into postgresql.conf stays in force where we decide nothing.
    expect(await shown(first, 'SHOW work_mem')).toBe('7MB');
    expect(await shown(first, 'SELECT slot_name FROM pg_replication_slots WHERE active')).toBe(
      'pg2',
    );

    // And it is ours wholly: the standby takes over, and the old primary comes back by rewind or as it is.
    const before = rig.leader.events.length;
    const command = { type: 'switchover', to: instanceName('pg2') } as const;
    await until(() => rig.leader.command(command).kind === 'decided', 30_000);
    await rig.event('SwitchoverCompleted', before);
    await rig.streaming();
    expect(rig.primary.name).toBe('pg2');
  });
});
