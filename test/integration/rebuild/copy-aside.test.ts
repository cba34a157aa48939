import { chownSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { clusterViewOf } from '#libs/api';
import type { RebuildMethod } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { markUnfinishedBeside, osUser } from '#libs/process';
import type { AgentHost } from '../agent/agent-host.ts';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { localTools } from './rig-backups.ts';

const USER = osUser('postgres');
const LIMIT_MS = 90_000;

let rig: RebuildRig;

afterEach(async () => rig?.remove());

/** The only standby has row 1 and is built anew; its new copy is in place and cannot stream. */
async function rebuiltInVain(method: RebuildMethod): Promise<{ old: AgentHost; last: AgentHost }> {
  rig = await RebuildRig.create({ config: localTools.config });
  localTools.prepare(rig);
  await rig.start();
  await rig.streaming();
  const { primary: old, standby: last } = rig;
  await rig.psql(old, 'CREATE TABLE kept AS SELECT 1 AS a');
  const caughtUp = 'SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication';
  await until(async () => (await rig.psql(old, caughtUp)).stdout.trim() === 't', LIMIT_MS);
  rig.order(last.name, method);
  await until(() => rig.leader.report(last.name)?.rebuild?.phase === 'copying', LIMIT_MS, 1);
  await rig.psql(old, 'INSERT INTO kept VALUES (2)');
  await until(
    () => existsSync(join(`${last.dataDirectory}.matriarch-aside`, 'PG_VERSION')),
    LIMIT_MS,
    1,
  );
  const postmaster = old.postmasterPid();
  if (postmaster === null) throw new Error('the primary runs');
  // Nobody can connect to it any more: no copy comes to stream from it.
  process.kill(postmaster, 'SIGSTOP');
  return { old, last };
}

async function offered(before: number) {
  const offer = await until(
    () =>
      rig.leader.events.slice(before).flatMap(({ event }) => {
        if (event.type !== 'ActionRefused') return [];
        return event.refusals.filter(({ rule }) => rule === 'copy-aside');
      })[0],
    LIMIT_MS,
  ).catch((cause: unknown) => {
    throw new Error(rig.said(), { cause });
  });
  return offer;
}

/** As the operator is told to: a backup goes on to the next segment of WAL, so what was put aside is beyond the limit. */
async function taken(last: AgentHost): Promise<void> {
  const before = rig.leader.events.length;
  const order = { type: 'failover', acceptLoss: true, copyAside: true } as const;
  const verdict = rig.leader.command({ ...order, to: instanceName(last.name) });
  expect(verdict, rig.said()).toMatchObject({ kind: 'decided' });
  await rig.event('FailoverCompleted', before);
  expect((await rig.psql(last, 'SELECT a FROM kept ORDER BY a')).stdout.trim()).toBe('1');
  await rig.psql(last, 'INSERT INTO kept VALUES (3)');
  // What was there is kept until the next copy is made.
  expect(existsSync(`${last.dataDirectory}.matriarch-aside`)).toBe(false);
  expect(existsSync(`${last.dataDirectory}.matriarch-new`)).toBe(true);
  expect(rig.leader.problems).toEqual([]);
}

it('the primary is lost while the only standby is a ruin: what lies aside is offered, and serves once it is taken', async () => {
  const { old, last } = await rebuiltInVain('basebackup');
  // Broken off before, the swap would be ended by the next agent, and what the test leaves there with it.
  await until(() => rig.leader.report(last.name)?.rebuild?.phase === 'starting', LIMIT_MS, 1);
  // PostgreSQL as well: one that was started on the copy already would be promoted.
  await last.end();
  const before = rig.leader.events.length;
  await old.end();
  // As an attempt in place leaves it that was broken off.
  markUnfinishedBeside(last.dataDirectory, 'pg_rewind');
  chownSync(`${last.dataDirectory}.matriarch-unfinished`, USER.uid, USER.gid);
  last.startAgent(rig.programs.agent);
  const offer = await offered(before);
  expect(offer).toMatchObject({
    instance: last.name,
    value: expect.stringContaining(`an earlier copy in ${last.dataDirectory}.matriarch-aside`),
    // How far the primary had come by what was heard of it last decides whether it is beyond the limit.
    limit: expect.stringMatching(
      /^`matriarch failover orders --to pg\d --copy-aside( --accept-loss)?`$/,
    ),
  });
  const { state } = rig.leader;
  if (state === null) throw new Error('there is a cluster');
  expect(clusterViewOf(state, new Map()).copiesAside).toEqual([
    {
      text: `nobody can serve, but ${last.name} has ${offer.value}: it is taken by`,
      order: offer.limit.replaceAll('`', ''),
    },
  ]);
  // Nobody takes it but an operator.
  expect(state.lease.kind).toBe('Expired');
  await taken(last);
  // then: the lost primary comes back as its standby
  old.startAgent(rig.programs.agent);
  await rig.streaming();
  const all = async () => (await rig.psql(old, 'SELECT a FROM kept ORDER BY a')).stdout.trim();
  await until(async () => (await all()) === '1\n3', LIMIT_MS);
}, 300_000);

it('so too where the new copy is not consistent without what the lost primary wrote', async () => {
  const { old, last } = await rebuiltInVain('custom');
  const before = rig.leader.events.length;
  await old.end();
  expect(await offered(before)).toMatchObject({ instance: last.name });
  await taken(last);
}, 300_000);
