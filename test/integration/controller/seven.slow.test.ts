/** Seven controllers in one process take a minute on two busy cores: `npm run test:all`. */
import { afterAll, expect, it } from 'vitest';
import { type ControllersAnswer, controllersAnswer } from '#libs/api';
import { OPERATOR } from './cluster-definition.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const SEVEN = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'];
const LIMIT_MS = 400_000;
let group: ThreeControllers;

afterAll(() => group.close());

async function order(to: string, path: string, body: unknown) {
  const at = { method: 'POST', path: `/api/v1/controllers${path}`, as: OPERATOR } as const;
  const answer = await ask(group, to, { ...at, body });
  return { status: answer.status, body: JSON.parse(answer.body) as Record<string, unknown> };
}

async function list(): Promise<ControllersAnswer> {
  const { name } = await group.leader();
  const answer = await ask(group, name, { method: 'GET', path: '/api/v1/controllers' });
  return controllersAnswer.parse(JSON.parse(answer.body));
}

it('one of seven controllers, the most there can be, is replaced, and an eighth refused', {
  timeout: LIMIT_MS,
}, async () => {
  group = await ThreeControllers.make(SEVEN);
  await group.startAll();
  const dead = await group.follower();
  await group.stop(dead);
  const { name: leader } = await group.leader();
  const address = await group.newcomer('c8');
  const eighth = await order(leader, '', { name: 'c8', address });
  expect(eighth).toMatchObject({ status: 409, body: { code: 'MEMBERSHIP_REFUSED' } });
  expect(eighth.body['detail']).toContain('there are 7 controllers, the most there can be');
  const started = group.start('c8', { join: { token: null } });
  let most = 0;
  await until('the replacement is complete', async () => {
    const { status, body } = await order(leader, `/${dead}/replace`, { by: 'c8', address });
    most = Math.max(most, (await list()).controllers.length);
    return status === 200 && body['complete'] === true;
  });
  await started;
  // While it was fed the log; it never counted beside all seven.
  expect(most).toBe(8);
  const left = SEVEN.filter((name) => name !== dead);
  const names = (await list()).controllers.map(({ name, standing }) => `${name} ${standing}`);
  expect(names.toSorted()).toEqual([...left, 'c8'].map((name) => `${name} voter`).toSorted());
  expect((await list()).toleratedFailures).toBe(3);
});
