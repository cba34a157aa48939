/**
 * A cluster that an operator holds back, and a primary that runs and does not serve: one cluster for both.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { until } from '../../apps/cli/src/demo/until.ts';
import { TestCluster } from './cluster.ts';

const LIMIT_MS = 60_000;
/** Far longer than a failover takes here when nobody holds it back. */
const NOTHING_HAPPENS_MS = 4_000;
const HUNG_PRIMARY_MS = 4_000;

const cluster = TestCluster.onLoopback({
  synchronousMode: 'quorum',
  hungPrimaryMs: HUNG_PRIMARY_MS,
});
let primary: string;

beforeAll(async () => {
  await cluster.bootstrap();
});

beforeEach(async () => {
  primary = await cluster.healthy();
});

afterAll(async () => {
  await cluster.remove();
});

type Recorded = {
  readonly sequence: number;
  readonly event: { readonly type: string; readonly trigger?: string };
};

async function eventsAfter(sequence: number): Promise<readonly Recorded[]> {
  const all: Recorded[] = [];
  for (;;) {
    const { events } = await cluster.api.events(all.at(-1)?.sequence ?? sequence);
    if (events.length === 0) return all;
    all.push(...(events as readonly Recorded[]));
  }
}

async function lastSequence(): Promise<number> {
  return (await eventsAfter(0)).at(-1)?.sequence ?? 0;
}

async function seen(instance: string) {
  const { clusters } = await cluster.api.status();
  const view = present(clusters[0], 'a cluster');
  const found = view.instances.find(({ name }) => name === instance);
  return { paused: view.paused, state: found?.state };
}

it('paused: the primary dies and nothing happens, status says so; resumed: a standby takes over', async () => {
  const before = await lastSequence();
  expect(await cluster.matriarch('pause', '--wait')).toMatchObject({ exitCode: 0 });
  await cluster.inflict('postmaster-kill');
  await until('a primary that stays down', { limitMs: LIMIT_MS }, async () => {
    const { paused, state } = await seen(primary);
    return paused && state === 'stopped' ? { value: true } : { instead: `${paused} ${state}` };
  });
  await pause(NOTHING_HAPPENS_MS);
  expect(await seen(primary)).toEqual({ paused: true, state: 'stopped' });
  const types = (await eventsAfter(before)).map(({ event }) => event.type);
  expect(types).not.toContain('FailoverStarted');
  expect(types).not.toContain('LeaseGranted');
  expect(await cluster.matriarch('resume')).toMatchObject({ exitCode: 0 });
  await cluster.untilPrimaryIsNot(primary);
  expect(await cluster.recovered('paused, primary killed, resumed')).toMatchObject({
    ...{ dual: 0, lost: 0 },
  });
});

it('the postmaster hangs while sessions, guard and agent go on: a standby takes over', async () => {
  const before = await lastSequence();
  process.kill(present(cluster.postmasterPid(primary), 'a postmaster'), 'SIGSTOP');
  await cluster.untilPrimaryIsNot(primary);
  const started = (await eventsAfter(before)).find(({ event }) => event.type === 'FailoverStarted');
  expect(started?.event.trigger).toBe('primary-hung');
  expect(await cluster.recovered('postmaster hung')).toMatchObject({ dual: 0, lost: 0 });
});
