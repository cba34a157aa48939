/** How much WAL slots may keep, and for whom: on real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SLOT_POLICY, type SlotReport } from '#libs/cluster';
import { until } from '../until.ts';
import { AgentTrio, BOOT_LIMIT_MS } from './agent-trio.ts';

const SEGMENT_BYTES = 16_777_216n;
/** The fifth segment already brings it into danger. */
const SEGMENTS_MAX = 12;
const LONG = { timeout: 240_000 };

let trio: AgentTrio;

beforeAll(async () => {
  trio = await AgentTrio.create();
  await trio.bootstrap({
    parameters: {
      ...{ shared_buffers: '16MB', max_slot_wal_keep_size: '64MB' },
      ...{ wal_keep_size: '0', min_wal_size: '32MB', max_wal_size: '32MB' },
    },
    slots: { ...DEFAULT_SLOT_POLICY, memberTtlMs: 5_000 },
  });
}, BOOT_LIMIT_MS);

afterAll(async () => {
  await trio?.remove();
});

const holding = (name: string, count: number) =>
  `SELECT count(*) = ${count} AS holds FROM pg_replication_slots WHERE slot_name = '${name}'`;

describe('the slot of a member', () => {
  it(
    'is given up when that is gone for longer than its time to live, and back with it',
    LONG,
    async () => {
      const [member] = trio.standbys;
      if (member === undefined) throw new Error('there is no standby');
      const { name } = member;
      const keeps = trio.hosts.filter((host) => host !== member);
      for (const host of keeps) await trio.holds(() => host, holding(name, 1));
      await member.end();
      for (const host of keeps) await trio.holds(() => host, holding(name, 0));
      const types = () => trio.leader.events.map(({ event }) => event.type);
      expect(types()).toContain('MemberSlotReleased');
      member.startAgent(trio.programs.agent);
      for (const host of keeps) await trio.holds(() => host, holding(name, 1));
      await trio.streaming(2);
      expect(types()).toContain('MemberSlotRestored');
    },
  );
});

const reported = (): SlotReport | undefined =>
  trio.leader.report(trio.primary.name)?.slots?.find(({ name }) => name === 'consumer');

/** What was last said of the slot; undefined: nothing yet. */
function said() {
  const found = trio.leader.events.findLast(
    ({ event }) => event.type === 'SlotWarned' && event.slot === 'consumer',
  )?.event;
  return found?.type === 'SlotWarned' ? found : undefined;
}

/** One segment more that nobody fetches, once the leader has heard of it. */
async function fillSegment(): Promise<void> {
  const before = reported()?.retainedBytes ?? 0n;
  await trio.sql(trio.primary, "SELECT pg_logical_emit_message(true, 'a', 'b')");
  await trio.sql(trio.primary, 'SELECT pg_switch_wal()');
  await trio.sql(trio.primary, 'CHECKPOINT');
  await until(() => {
    const { retainedBytes, walStatus } = reported() ?? {};
    return walStatus === 'lost' || (retainedBytes ?? 0n) >= before + SEGMENT_BYTES / 2n;
  }, 60_000);
}

async function fillUntil(danger: 'endangered' | 'lost'): Promise<number> {
  for (let filled = 1; filled <= SEGMENTS_MAX; filled += 1) {
    await fillSegment();
    // The leader decides with each report.
    if (said()?.danger === danger) return filled;
  }
  const last = JSON.stringify({ ...reported(), said: said()?.danger }, (_key, value: unknown) => {
    return typeof value === 'bigint' ? `${value}` : value;
  });
  throw new Error(`no word of ${danger} after ${SEGMENTS_MAX} segments: ${last}`);
}

describe('a slot that nobody reads from', () => {
  it(
    'is warned of while its WAL is still there, then told lost, then forgotten',
    LONG,
    async () => {
      await trio.sql(trio.primary, "SELECT pg_create_physical_replication_slot('consumer', true)");
      await until(() => reported() !== undefined, 60_000);
      expect(said()).toBeUndefined();
      expect(await fillUntil('endangered')).toBeGreaterThan(1);
      const { retainedBytes = null, safeBytes = null } = said() ?? {};
      expect(retainedBytes).toBeGreaterThan(2n * SEGMENT_BYTES);
      expect(safeBytes).toBeGreaterThan(0n);
      const status = `SELECT wal_status <> 'lost' AS holds FROM pg_replication_slots WHERE slot_name = 'consumer'`;
      await trio.holds(() => trio.primary, status);

      await fillUntil('lost');
      await trio.sql(trio.primary, "SELECT pg_drop_replication_slot('consumer')");
      await until(() => said()?.danger === null, 60_000);
      expect(trio.leader.problems).toEqual([]);
    },
  );
});
