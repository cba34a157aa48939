import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { AgentTrio, BOOT_LIMIT_MS } from './agent-trio.ts';

/** Far below the lag limit, and more than one row. */
const ROWS = 200;

let trio: AgentTrio;

beforeAll(async () => {
  const preferred = { agent: { tags: { failoverPriority: 10 } }, postgres: {} };
  trio = await AgentTrio.create((name) => (name === 'pg3' ? preferred : undefined));
  await trio.bootstrap({});
}, BOOT_LIMIT_MS * 2);

afterAll(async () => {
  await trio?.remove();
});

describe('a failover to a preferred standby that lacks what another one has', () => {
  it('lets it fetch that from the other one, and promotes it with all of it', async () => {
    // Whoever was bootstrapped as primary: the preferred one is to be a standby.
    if (trio.holder === 'pg3') {
      trio.leader.command({ type: 'switchover', to: 'pg2' as never });
      await trio.untilPrimary('pg2');
      await trio.streaming(2);
    }
    const { primary } = trio;
    const [other] = trio.standbys.filter(({ name }) => name !== 'pg3');
    if (other === undefined) throw new Error('there is no other standby');
    await trio.sql(primary, 'CREATE TABLE fetched (id int)');
    await trio.holds(() => trio.host('pg3'), "SELECT to_regclass('fetched') IS NOT NULL AS holds");
    const [sender] = await trio.sql<{ pid: number }>(
      primary,
      "SELECT pid FROM pg_stat_replication WHERE application_name LIKE 'orders/pg3/%'",
    );
    if (sender === undefined) throw new Error('pg3 does not stream');
    // A stopped walsender sends nothing: what is written from here on, pg3 has not got.
    process.kill(sender.pid, 'SIGSTOP');
    await trio.sql(primary, `INSERT INTO fetched SELECT generate_series(1, ${ROWS})`);
    const has = `SELECT count(*) = ${ROWS} AS holds FROM fetched`;
    await trio.holds(() => other, has);
    await primary.stopAgent('SIGKILL');
    process.kill(primary.guardPid() ?? 0, 'SIGKILL');
    await trio.untilPrimary('pg3');
    await trio.holds(() => trio.host('pg3'), has);
    const events = trio.leader.events.map(({ event }) => event);
    expect(events.findLast(({ type }) => type === 'FastForwardStarted')).toMatchObject({
      ...{ instance: 'pg3', from: other.name },
    });
    expect(events.map(({ type }) => type)).not.toContain('FastForwardGivenUp');
    await until(() => trio.leader.state?.lastOutage?.outcome === 'completed', BOOT_LIMIT_MS);
    expect(Object.keys(trio.leader.state?.lastOutage?.phasesMs ?? {})).toContain('fastForward');
  }, 120_000);
});
