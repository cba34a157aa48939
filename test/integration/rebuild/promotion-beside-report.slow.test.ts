/** A report on a standby needs rows that the primary has removed for good: replay waits for it, for ever where it is told so. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';

const LIMIT_MS = 30_000;
const IS_HELD =
  "SELECT bool_or(wait_event LIKE 'RecoveryConflict%') FROM pg_stat_activity WHERE backend_type = 'startup'";

let rig: RebuildRig;

beforeAll(async () => {
  rig = await RebuildRig.create();
  const parameters = { shared_buffers: '16MB', max_standby_streaming_delay: '-1' };
  await rig.start({ parameters });
  await rig.streaming();
});

afterAll(async () => {
  for (const host of rig?.hosts ?? []) await host.end();
  await rig?.remove();
});

it('a report that holds up replay is ended, and holds up no promotion (safety 8)', async () => {
  const { primary: lost, standby: next } = rig;
  const before = rig.leader.events.length;
  const postmaster = next.postmasterPid();
  await rig.psql(lost, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS a');
  const arrived = async () => (await rig.psql(next, "SELECT to_regclass('kept')")).stdout.trim();
  await until(async () => (await arrived()) === 'kept', LIMIT_MS);
  const report = await next.client();
  await report.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await report.query('SELECT count(*) FROM kept');
  await rig.psql(lost, 'DELETE FROM kept');
  await rig.psql(lost, 'VACUUM kept');
  await until(async () => (await rig.psql(next, IS_HELD)).stdout.trim() === 't', LIMIT_MS);
  await lost.end();
  await rig.event('FailoverCompleted', before, LIMIT_MS);
  expect(rig.primary.name).toBe(next.name);
  expect(next.log().match(/^.*"promotion withdrawn".*$/gm)).toBeNull();
  expect(next.postmasterPid()).toBe(postmaster);
  await expect(report.query('SELECT 1')).rejects.toThrow();
  const { stdout } = await rig.psql(next, 'SELECT count(*) FROM kept');
  expect(stdout.trim()).toBe('0');
}, 120_000);
