/**
 * All controllers stopped at once, with failsafe: one cluster on loopback.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import { until } from '../../apps/cli/src/demo/until.ts';
import { TestCluster } from './cluster.ts';

const LIMIT_MS = 30_000;
/** Far beyond the lease of 3 s. */
const OUTAGE_MS = 8_000;

const slots = { permanent: { archiver: { type: 'physical' } } };
const cluster = TestCluster.onLoopback({ failsafe: true }, { slots });
let primary: string;

beforeAll(async () => {
  await cluster.bootstrap();
});

afterAll(async () => {
  await cluster.remove();
});

async function epoch(): Promise<number | null> {
  return (await cluster.api.status()).clusters[0]?.lease.epoch ?? null;
}

async function stopControllers(): Promise<number> {
  await Promise.all([...cluster.running.controllers.values()].map((one) => one.killForGood()));
  return performance.now();
}

function startControllers(): void {
  for (const controller of cluster.running.controllers.values()) controller.start();
}

async function untilOutageIs(ms: number, sinceMs: number): Promise<void> {
  await until(`an outage of ${ms} ms`, { limitMs: LIMIT_MS }, async () => {
    const passedMs = performance.now() - sinceMs;
    return passedMs >= ms ? { value: true } : { instead: `${passedMs} ms` };
  });
}

async function roles(): Promise<string[]> {
  return (await cluster.running.observe()).hosts.map(({ kind }) => kind).toSorted();
}

async function query<Row extends object>(instance: string, text: string): Promise<Row[]> {
  const { databaseHosts, credentials } = cluster.running;
  const at = databaseHosts.find(({ name }) => name === instance);
  const client = new pg.Client({ ...at, ...credentials, ssl: false });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Name by name, where it keeps WAL from; without the slots of members that are not needed there. */
async function slotsOf(instance: string): Promise<ReadonlyMap<string, bigint>> {
  const rows = await query<{ name: string; at: string | null }>(
    instance,
    'SELECT slot_name AS name, restart_lsn::text AS at FROM pg_replication_slots',
  );
  return new Map(rows.map(({ name, at }) => [name, at === null ? 0n : parseLsn(at)]));
}

const standbysOf = (of: string): string[] =>
  cluster.running.databaseHosts.map(({ name }) => name).filter((name) => name !== of);

async function untilSlots(what: string, hold: () => Promise<boolean>): Promise<void> {
  await until(what, { limitMs: LIMIT_MS }, async () => {
    return (await hold()) ? { value: true } : { instead: 'not yet' };
  });
}

/** Every standby has the permanent slot and that of the other one, which is at `lsn` or beyond. */
async function slotsAreAt(lsn: bigint): Promise<boolean> {
  const [one = '', other = ''] = standbysOf(primary);
  const [ofOne, ofOther] = [await slotsOf(one), await slotsOf(other)];
  if (!ofOne.has('archiver') || !ofOther.has('archiver')) return false;
  return (ofOne.get(other) ?? -1n) >= lsn && (ofOther.get(one) ?? -1n) >= lsn;
}

describe('all controllers are gone', () => {
  it('with failsafe the primary goes on, slots too, nobody takes over, and nothing changes when they are back', async () => {
    primary = await cluster.healthy();
    const [epochBefore, postmaster] = [await epoch(), cluster.postmasterPid(primary)];
    await untilSlots('slots on every instance', () => slotsAreAt(0n));
    const stoppedMs = await stopControllers();
    await untilOutageIs(OUTAGE_MS, stoppedMs);
    await cluster.untilWritten();
    expect(cluster.postmasterPid(primary)).toBe(postmaster);
    expect(await roles()).toEqual(['primary', 'standby', 'standby']);
    // Slots of members and permanent ones: none is dropped, and those of standbys go on on standbys.
    const [now] = await query<{ at: string }>(
      primary,
      'SELECT pg_current_wal_flush_lsn()::text AS at',
    );
    await untilSlots('slots that go on', () => slotsAreAt(parseLsn(now?.at ?? '')));
    expect([...(await slotsOf(primary)).keys()].toSorted()).toEqual(
      ['archiver', ...standbysOf(primary)].toSorted(),
    );
    startControllers();
    await cluster.leader();
    const outage = await cluster.recovered('all controllers stopped, failsafe on');
    expect(outage).toMatchObject({ primary, dual: 0, lost: 0 });
    expect(outage.gapMs).toBeLessThan(LIMIT_MS / 10);
    expect(cluster.postmasterPid(primary)).toBe(postmaster);
    expect(await epoch()).toBe(epochBefore);
  });
});
