import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { eventsAnswer } from '#libs/api';
import { epochMs } from '#libs/kernel';
import { systemClock } from '../../../apps/controller/src/system-clock.ts';
import { definition, OPERATOR } from './cluster-definition.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const HOUR_MS = 3_600_000;
const ANNOUNCED_TWICE_MS = 11_000;
const NAMES = ['c1', 'c2', 'c3'] as const;

let group: ThreeControllers;
afterEach(async () => {
  vi.restoreAllMocks();
  await group.close();
});

it('a leader whose clock is behind the newest event says so once, and in the events of the cluster (23)', async () => {
  group = await ThreeControllers.make();
  await group.startAll();
  const { name: first } = await group.leader();
  const order = { method: 'POST', path: '/api/v1/clusters', body: definition('main') } as const;
  expect((await ask(group, first, { ...order, as: OPERATOR })).status).toBe(201);
  for (const name of NAMES) await group.stop(name);

  const presentMs = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => presentMs() - HOUR_MS);
  await group.startAll();
  const { name: next } = await group.leader();
  const path = '/api/v1/clusters/main/events';
  const event = await until('it is recorded', async () => {
    const answer = await ask(group, next, { method: 'GET', path });
    if (answer.status !== 200) return false;
    const { events } = eventsAnswer.parse(JSON.parse(answer.body));
    return events.map((each) => each.event).find(({ type }) => type === 'ClockJumped');
  });
  const { jumpMs } = event as unknown as { readonly jumpMs: number };
  expect(jumpMs).toBeGreaterThan(-HOUR_MS);
  expect(jumpMs).toBeLessThan(60_000 - HOUR_MS);
  const said = group.lines.filter(({ message }) => message.startsWith('the wall clock'));
  expect(said.map(({ message }) => message)).toEqual(['the wall clock is behind the newest event']);
});

it('a leader whose clock is ahead of the others says so once, and in the events of the cluster (23)', async () => {
  group = await ThreeControllers.make();
  const ahead = { ...systemClock, nowMs: () => epochMs(Date.now() + HOUR_MS) };
  await Promise.all([group.start('c1', { clock: ahead }), group.start('c2'), group.start('c3')]);
  const order = { method: 'POST', path: '/api/v1/clusters', body: definition('main') } as const;
  const { name: first } = await group.leader();
  expect((await ask(group, first, { ...order, as: OPERATOR })).status).toBe(201);
  // The others have told c1 what time it is there by now; then it is made the leader.
  await delay(ANNOUNCED_TWICE_MS);
  await until('the one that is ahead leads', async () => {
    const { name } = await group.leader();
    if (name === 'c1') return true;
    await group.stop(name);
    await group.start(name);
    return false;
  });
  const path = '/api/v1/clusters/main/events';
  const event = await until('it is recorded', async () => {
    const answer = await ask(group, 'c1', { method: 'GET', path });
    if (answer.status !== 200) return false;
    const { events } = eventsAnswer.parse(JSON.parse(answer.body));
    return events.map((each) => each.event).find(({ type }) => type === 'ClockJumped');
  });
  const { jumpMs } = event as unknown as { readonly jumpMs: number };
  expect(Math.abs(jumpMs - HOUR_MS)).toBeLessThan(5_000);
  const said = group.lines.filter(({ message }) => message.startsWith('the wall clock'));
  expect(said.map(({ message, fields }) => [message, fields?.['controller']])).toContainEqual([
    'the wall clock is ahead of those of most controllers',
    'c1',
  ]);
});
