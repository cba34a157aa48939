import { readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signalAll } from '../../hosts/signal-all.ts';
import type { AgentHost } from '../agent/agent-host.ts';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';

const LIMIT_MS = 30_000;

const FAR = 'CREATE TABLE far_away (a int) TABLESPACE far';

let rig: RebuildRig;

/** Whoever begins has the tablespace in `far`, the other one in a place of its own. */
beforeAll(async () => {
  rig = await RebuildRig.create({
    postgres: (directory, name) => ({
      tablespaces: { [join(directory, 'far')]: join(directory, `far-${name}`) },
    }),
  });
  for (const place of ['far', 'far-pg1', 'far-pg2']) rig.owned(place);
  const location = join(rig.directory, 'far');
  const sql = [`CREATE TABLESPACE far LOCATION '${location}'`, FAR];
  await rig.start({ bootstrap: { source: null, initdbOptions: [], sql } });
  await rig.streaming();
});

afterAll(async () => {
  for (const host of rig?.hosts ?? []) await host.end();
  await rig?.remove();
});

function pidsOf(host: AgentHost, kind: RegExp): readonly number[] {
  return host.processes
    .scan()
    .processes.filter(({ title }) => kind.test(title))
    .map(({ pid }) => pid);
}

it('an old primary is rewound only once the new one has made its checkpoint (safety 17)', async () => {
  const { primary: lost, standby: next } = rig;
  const before = rig.leader.events.length;
  const checkpointer = pidsOf(next, /checkpointer/);
  expect(checkpointer).toHaveLength(1);
  // What is written from here on the standby has not got.
  signalAll(pidsOf(lost, /walsender/), 'SIGSTOP');
  await rig.psql(lost, 'INSERT INTO far_away VALUES (1)');
  await rig.psql(lost, 'CREATE TABLE written_alone (a int) TABLESPACE far');
  // Of a large cache the checkpoint takes minutes; until its end the control file shows the timeline of before.
  signalAll(checkpointer, 'SIGSTOP');
  try {
    await lost.stopAgent('SIGKILL');
    signalAll([lost.guardPid() ?? 0], 'SIGKILL');
    await rig.event('Promoted', before, LIMIT_MS);
    lost.startAgent(rig.programs.agent);
    const waits = /control file still shows timeline 1: it makes a checkpoint first/;
    await until(() => waits.test(lost.log()), LIMIT_MS);
  } finally {
    signalAll(checkpointer, 'SIGCONT');
  }
  await rig.streaming();
  expect(lost.log()).toContain('"message":"rewound"');
  const types = rig.leader.events.slice(before).map(({ event }) => event.type);
  expect(types).not.toContain('RebuildStarted');
}, 120_000);

it('a tablespace that lies elsewhere on each host stays there, and goes with failover and rewind', async () => {
  const { primary, standby } = rig;
  await rig.psql(primary, 'INSERT INTO far_away VALUES (2)');
  const rows = async (host: AgentHost) =>
    (await rig.psql(host, "SELECT string_agg(a::text, ',') FROM far_away")).stdout.trim();
  await until(async () => (await rows(standby)) === '2', LIMIT_MS);
  const placeOf = ({ dataDirectory }: AgentHost): string => {
    const [oid] = readdirSync(join(dataDirectory, 'pg_tblspc'));
    return basename(realpathSync(join(dataDirectory, 'pg_tblspc', `${oid}`)));
  };
  expect([placeOf(standby), placeOf(primary)]).toEqual(['far', `far-${primary.name}`]);
  // Of what it wrote alone nothing is left, in the tablespace neither.
  const { stdout } = await rig.psql(standby, "SELECT to_regclass('written_alone') IS NULL");
  expect(stdout.trim()).toBe('t');
});
