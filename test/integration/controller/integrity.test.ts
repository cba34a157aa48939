import { afterEach, describe, expect, it } from 'vitest';
import { API_PATHS, controllersAnswer } from '#libs/api';
import { registerKey } from '#libs/event-store';
import { encode, OWN_PROTOCOL } from '#libs/protocol';
import { AgentClient, SessionClient } from './clients.ts';
import { OPERATOR } from './cluster-definition.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const OLD = { protocolMin: 1, protocolMax: 1 };
const NAMES = ['c1', 'c2', 'c3'] as const;

let group: ThreeControllers;
afterEach(() => group.close());

const put = (key: string, text: string, expectedRevision: number | null = null) =>
  ({ type: 'put', key, value: new TextEncoder().encode(text), expectedRevision }) as const;

const hostOf = (name: string) => {
  const found = group.running.get(name)?.replica.host;
  if (found === undefined) throw new Error(`${name} does not run`);
  return found;
};

const untilLevel = (name: string, level: number) =>
  until(`${name} is at level ${level}`, () => hostOf(name).store.protocol === level);

/** A read in its memory goes wrong: a register seems to have been written, or not. */
function spoil(name: string): void {
  hostOf(name).store.restoreRecord(registerKey('k'), encode([77, new Uint8Array([1])]));
}

async function write(...commands: readonly ReturnType<typeof put>[]) {
  const client = await SessionClient.connect(group, (await group.leader()).name);
  const session = await client.open(`token-${Math.random()}`);
  let sequence = 0;
  for (const command of commands) {
    sequence += 1;
    expect(await client.command(session, sequence, command)).toMatchObject({ type: 'result' });
  }
  client.close();
}

describe('a controller whose state is not that of the majority', () => {
  async function startAll(): Promise<void> {
    group = await ThreeControllers.make();
    await group.startAll({ checkEveryMs: 100 });
    await group.leader();
    for (const name of NAMES) await untilLevel(name, OWN_PROTOCOL.protocolMax);
  }

  it('isolates itself, also over a restart, while it stores and votes on', async () => {
    await startAll();
    const odd = await group.follower();
    const agent = await AgentClient.connect(group, 'main/pg1', odd);
    spoil(odd);
    // Created by all that have no such register: refused by the one that believes to have it.
    await write(put('k', 'one', 0));
    const finding = await until('it finds out', () => hostOf(odd).isolated ?? undefined);
    expect(finding).toMatch(/^its state at log index \d+ has digest [0-9a-f]{8}, a majority has/);
    await until('the agent is turned away', () => agent.closed);
    const refused = await ask(group, odd, { method: 'GET', path: '/api/v1/clusters/main/events' });
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('CONTROLLER_ISOLATED');
    expect(refused.body).toContain(`controllers replace ${odd} --by`);
    expect((await ask(group, odd, { method: 'GET', path: '/readyz' })).status).toBe(503);
    const leading = await group.leader();
    await until('the leader says which one', () =>
      group.lines.some(
        ({ message, fields }) =>
          message.startsWith('a controller holds another state') && fields?.['controller'] === odd,
      ),
    );
    expect(NAMES.filter((name) => hostOf(name).isolated !== null)).toEqual([odd]);

    await group.stop(odd);
    await group.start(odd, { checkEveryMs: 100 });
    expect(hostOf(odd).isolated).toBe(finding);
    // It stores and votes on: with one of the others away, writes are still acknowledged.
    const third = NAMES.find((name) => name !== odd && name !== leading.name) ?? '';
    await group.stop(third);
    await write(put('other', 'x'));
    const order = { to: odd };
    const path = '/api/v1/controllers/transfer-leader';
    await ask(group, leading.name, { method: 'POST', path, body: order, as: OPERATOR });
    await write(put('other', 'y'));
    expect(hostOf(odd).role.role).not.toBe('leader');
  });

  it('gives leadership up when it is the leader', async () => {
    await startAll();
    const { name: odd } = await group.leader();
    spoil(odd);
    await write(put('k', 'two', 77));
    await until('it finds out', () => hostOf(odd).isolated !== null);
    const next = await until('another leads', async () => {
      const { name } = await group.leader();
      return name !== odd && name;
    });
    await write(put('k', 'three', 0));
    expect(hostOf(next).isolated).toBeNull();
  });
});

describe('an upgrade of one controller after another', () => {
  it('switches features on once all members have them, and not before', async () => {
    group = await ThreeControllers.make();
    await group.startAll({ protocol: OLD, checkEveryMs: 500 });
    for (const name of NAMES) {
      await write(put('k', name));
      await group.stop(name);
      await group.start(name, { checkEveryMs: 500 });
      await until('it is connected', () => hostOf(name).role.leader !== 0);
      // The last one is new: until then nobody may do what the others do not understand.
      if (name === 'c3') break;
      await new Promise((resolve) => setTimeout(resolve, 300));
      const { controller } = await group.leader();
      expect(controller.replica.host.store.protocol).toBe(1);
      expect(controller.replica.host.store.checks.newest).toBeNull();
    }
    for (const name of NAMES) await untilLevel(name, OWN_PROTOCOL.protocolMax);
    await until('states are compared', () => hostOf('c1').store.checks.newest !== null);
    await write(put('k', 'after'));

    // There is no way back for one alone.
    await until('the switch is stored', () => {
      const { storage, host } = group.running.get('c2')?.replica ?? {};
      return storage !== undefined && storage.applied.index === host?.status().commitIndex;
    });
    await group.stop('c2');
    await expect(group.start('c2', { protocol: OLD })).rejects.toThrow(
      `speaks the protocol up to level 1, its group has switched to ${OWN_PROTOCOL.protocolMax}`,
    );
    await refusesNewcomer();
  });

  /** It is not let in and then stuck: neither where it waits at the door, nor when it is added. */
  async function refusesNewcomer(): Promise<void> {
    const address = await group.newcomer('c4');
    const why = `'c4' speaks the protocol up to level 1, the group has switched to ${OWN_PROTOCOL.protocolMax}`;
    const { name: leader } = await group.leader();
    const stopAnswering = await group.answerAs('c4', OLD);
    const added = await ask(group, leader, {
      ...{ method: 'POST', path: API_PATHS.controllers, body: { name: 'c4', address } },
      as: OPERATOR,
    });
    await stopAnswering();
    expect(JSON.parse(added.body)).toMatchObject({
      code: 'MEMBERSHIP_REFUSED',
      detail: expect.stringContaining(why),
    });
    await expect(group.start('c4', { protocol: OLD, join: { token: null } })).rejects.toThrow(why);
    const { body } = await ask(group, leader, { method: 'GET', path: API_PATHS.controllers });
    const { controllers } = controllersAnswer.parse(JSON.parse(body));
    expect(controllers.map(({ name }) => name)).toEqual(NAMES);
  }
});
