/**
 * The look of a standby's agent hangs in the session that serves it, while agent, guard and PostgreSQL go on. As it is
 * built, the agent gives it up after a second; with that limit taken away it goes on reporting what it saw before.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { until } from '../../../apps/cli/src/demo/until.ts';
import { TestCluster } from '../cluster.ts';
import { ChangedConstant } from './changed-constant.ts';

const LIMIT_MS = 60_000;
/** No look of these tests lasts as long. */
const NEVER_MS = 3_600_000;
/** `libs/leader/src/look-age.ts`: what any look may take, and so long a report is believed after it. */
const USUAL_MS = 2_000;
const SUSPECT_AFTER_MS = 800;
const HANGS_MS = 8_000;
/** Of a machine that does much else. */
const SLACK_MS = 1_000;

const limit = new ChangedConstant('OBSERVE_DEADLINE_MS', NEVER_MS);
const cluster = TestCluster.inEnvironments((process) => limit.environmentOf(process));
let standby: string;

beforeAll(async () => {
  await cluster.bootstrap();
});

beforeEach(async () => {
  const primary = await cluster.healthy();
  const names = cluster.running.plan.instances.map(({ name }) => name);
  standby = present(
    names.find((name) => name !== primary),
    'a standby',
  );
});

afterAll(async () => {
  await cluster.remove();
  limit.remove();
});

/** As the leader judges it. */
async function seen(): Promise<{ state: string; ageMs: number }> {
  const { clusters } = await cluster.api.status();
  const found = clusters[0]?.instances.find(({ name }) => name === standby);
  const { state = 'absent', agent } = found ?? {};
  return { state, ageMs: agent?.heardAgeMs ?? -1 };
}

/** Signals the backend that serves the looks; returns how to let it go on. */
async function hangLook(): Promise<() => void> {
  const sql =
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'matriarch agent looks' AND state IS NOT NULL";
  const pid = Number(await cluster.sql(standby, sql));
  process.kill(pid, 'SIGSTOP');
  return () => {
    // Its agent may have left it, and with that it ends once it goes on.
    if (cluster.isAlive(pid)) process.kill(pid, 'SIGCONT');
  };
}

async function lastEvent(): Promise<number> {
  const { events } = await cluster.api.events(0);
  return events.at(-1)?.sequence ?? 0;
}

it('is given up after a second, and the next one has a session of its own', async () => {
  const goOn = await hangLook();
  try {
    const untilMs = performance.now() + HANGS_MS;
    const states = new Set<string>();
    let oldestMs = 0;
    while (performance.now() < untilMs) {
      const { state, ageMs } = await seen();
      states.add(state);
      oldestMs = Math.max(oldestMs, ageMs);
      await pause(50);
    }
    console.info(`a hung look: ${[...states].join(', ')}, report at most ${oldestMs} ms old`);
    expect(states).not.toContain('silent');
    expect(oldestMs).toBeLessThan(USUAL_MS);
    expect((await seen()).state).toBe('streaming');
  } finally {
    goOn();
  }
});

it('that does not end makes what was seen unknown, not false: no candidate, and nothing is done about it', async () => {
  limit.change(standby);
  const agent = cluster.agent(standby);
  await agent.stop();
  agent.start();
  await cluster.healthy();
  const before = await lastEvent();
  const goOn = await hangLook();
  const hungMs = performance.now();
  try {
    await pause(HANGS_MS);
    const { state, ageMs } = await seen();
    const hungForMs = performance.now() - hungMs;
    console.info(`hung for ${Math.round(hungForMs)} ms: ${state}, ${ageMs} ms old`);
    // Its reports arrive as before: they are as old as what they tell, less what any look may take.
    expect(ageMs).toBeGreaterThan(hungForMs - USUAL_MS - SLACK_MS);
    expect(ageMs).toBeLessThan(hungForMs + SLACK_MS);
    expect(state).toBe('silent');
    const refused = await cluster.matriarch('switchover', '--to', standby);
    expect(refused.exitCode).not.toBe(0);
    expect(JSON.stringify(refused.result)).toMatch(/not-heard|silent/);
    // It is neither taken for stopped nor for gone: no event but the refusal tells of it.
    const { events } = await cluster.api.events(before);
    const types = events.map(({ event }) => (event as { readonly type: string }).type);
    expect(types.filter((type) => type !== 'ActionRefused')).toEqual([]);
  } finally {
    goOn();
  }
  await until('a report of a new look', { limitMs: LIMIT_MS }, async () => {
    const { state, ageMs } = await seen();
    const fresh = state === 'streaming' && ageMs < SUSPECT_AFTER_MS;
    return fresh ? { value: true } : { instead: `${state} ${ageMs}` };
  });
  expect((await cluster.matriarch('switchover', '--to', standby)).exitCode).toBe(0);
});
