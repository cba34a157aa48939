import { afterEach, describe, expect, it } from 'vitest';
import { type ControllersAnswer, controllerOrderAnswer, controllersAnswer } from '#libs/api';
import { messageOf } from '#libs/kernel';
import { SessionClient } from './clients.ts';
import { OPERATOR } from './cluster-definition.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const put = (key: string) =>
  ({ type: 'put', key, value: new Uint8Array([7]), expectedRevision: null }) as const;

describe('the membership of the controllers', () => {
  let group: ThreeControllers;
  afterEach(() => group.close());

  async function found(...names: string[]): Promise<void> {
    group = await ThreeControllers.make(names);
    await group.startAll();
    await group.leader();
  }

  async function order(to: string, path: string, body: unknown = {}) {
    const answer = await ask(group, to, {
      ...{ method: 'POST', path: `/api/v1/controllers${path}`, as: OPERATOR },
      body,
    } as const);
    return { status: answer.status, body: JSON.parse(answer.body) as Record<string, unknown> };
  }

  async function list(): Promise<ControllersAnswer> {
    const { name } = await group.leader();
    const answer = await ask(group, name, { method: 'GET', path: '/api/v1/controllers' });
    return controllersAnswer.parse(JSON.parse(answer.body));
  }

  const seatOf = async (name: string) =>
    (await list()).controllers.find((seat) => seat.name === name);

  /** Starts a newcomer, which waits at the door, and adds it at `at` once it listens. */
  async function add(name: string, at: string) {
    const address = await group.newcomer(name);
    const started = group.start(name, { join: { token: null } });
    const added = await until(`${name} listens`, async () => {
      const { status, body } = await order(at, '', { name, address });
      return status === 201 && controllerOrderAnswer.parse(body);
    });
    await started;
    return added;
  }

  const untilVoter = (name: string) =>
    until(`${name} is a voter`, async () => {
      const seat = await seatOf(name);
      return seat?.standing === 'voter' && seat.lagEntries === 0 && seat;
    });

  /** One acknowledged command through whoever leads. */
  async function write(key: string): Promise<void> {
    const client = await SessionClient.connect(group, (await group.leader()).name);
    try {
      const session = await client.open(`token-${key}`);
      expect((await client.command(session, 1, put(key))).type).toBe('result');
    } finally {
      client.close();
    }
  }

  const allHold = (names: readonly string[]) =>
    until('all hold the same log', () => {
      const marks = names.map((name) => group.running.get(name)?.replica.host.status());
      const [first] = marks;
      return marks.every((mark) => mark !== undefined && mark.appliedIndex === first?.commitIndex);
    });

  it('grows to five while it serves, and every member serves in turn', async () => {
    await found('c1', 'c2', 'c3');
    const follower = await group.follower();
    const fourth = await add('c4', follower);
    expect(fourth.token).toBe(`c4.${fourth.memberId}.${group.groupId}`);
    await untilVoter('c4');
    expect((await list()).remark).toContain('4 voters tolerate no more failures than 3');
    const fifth = await add('c5', 'c1');
    await untilVoter('c5');
    expect(fifth.memberId).toBeGreaterThan(fourth.memberId ?? 0);
    for (const name of ['c1', 'c2', 'c3', 'c4', 'c5']) {
      const moved = await order('c1', '/transfer-leader', { to: name });
      expect(moved).toMatchObject({ status: 200, body: { name, complete: true } });
      expect((await group.leader()).name).toBe(name);
      await write(`from-${name}`);
    }
    await allHold(['c1', 'c2', 'c3', 'c4', 'c5']);
    expect(await list()).toMatchObject({ toleratedFailures: 2, remark: null });
  });

  it('grows from one to three', async () => {
    await found('c1');
    const last = await order('c1', '/c1/remove');
    expect(last).toMatchObject({ status: 409, body: { code: 'MEMBERSHIP_REFUSED' } });
    expect(last.body['detail']).toContain("'c1' is the only voter: add another one first");
    await add('c2', 'c1');
    await untilVoter('c2');
    await add('c3', 'c1');
    await untilVoter('c3');
    await group.stop('c1');
    await write('without-the-founder');
    await group.start('c1');
    await untilVoter('c1');
    const { name: leader } = await group.leader();
    const running = ['c1', 'c2', 'c3'].find((name) => name !== leader) ?? '';
    expect((await order(leader, `/${running}/remove`)).status).toBe(200);
    await until('it stops', () => group.removed.has(running) && !group.running.has(running));
  });

  it('refuses an address where the new controller does not answer, and changes nothing', async () => {
    await found('c1', 'c2', 'c3');
    const nowhere = await group.newcomer('c4');
    const before = (await list()).controllers;
    const other = before.find(({ role }) => role === 'follower')?.address ?? '';
    const silent = await order('c1', '', { name: 'c4', address: nowhere });
    expect(silent).toMatchObject({ status: 409, body: { code: 'CONTROLLER_UNREACHABLE' } });
    expect(silent.body['detail']).toContain(nowhere);
    expect(silent.body['detail']).toContain('Start it there');
    const foreign = await order('c1', '', { name: 'c4', address: other });
    expect(foreign).toMatchObject({ status: 409, body: { code: 'CONTROLLER_EXISTS' } });
    const started = group.start('c4', { join: { token: null } });
    await until('c4 listens under its own name', async () => {
      const wrong = await order('c1', '', { name: 'c9', address: nowhere });
      expect(wrong.status).toBe(409);
      return String(wrong.body['detail']).includes("it is 'c4', not 'c9'");
    });
    const ids = (await list()).controllers.map(({ id }) => id);
    expect(ids).toEqual(before.map(({ id }) => id));
    await until('c4 is let in', async () => {
      const { status, body } = await order('c1', '', { name: 'c4', address: nowhere });
      if (status !== 201) throw new Error(JSON.stringify(body));
      return true;
    });
    await started;
  });

  it('removes the leader, which hands over first, says so and stops', async () => {
    await found('c1', 'c2', 'c3');
    await write('before');
    const { name } = await group.leader();
    const gone = await order(name, `/${name}/remove`);
    expect(gone).toMatchObject({ status: 200, body: { name, complete: true } });
    await until('it stops', () => group.removed.has(name) && !group.running.has(name));
    expect(group.removed.get(name)).toMatch(/was removed from its group/);
    await write('after');
    expect((await list()).controllers.map((seat) => seat.name)).not.toContain(name);
    // Its directory may say so by itself, or the others do.
    group.removed.clear();
    const said = await group.start(name).then(
      () => until('it is told again', () => group.removed.get(name)),
      (error: unknown) => messageOf(error),
    );
    expect(said).toMatch(/was removed from its group/);
  });

  it('tells a member that was away while it was removed', async () => {
    await found('c1', 'c2', 'c3');
    const away = await group.follower();
    await group.stop(away);
    const { name: leader } = await group.leader();
    expect((await order(leader, `/${away}/remove`)).status).toBe(200);
    await group.start(away);
    await until('it stops', () => group.removed.has(away));
  });

  it('puts a new member in the place of a dead one, in one order', async () => {
    await found('c1', 'c2', 'c3');
    const dead = await group.follower();
    await group.stop(dead);
    const { name: leader } = await group.leader();
    const address = await group.newcomer('c4');
    const started = group.start('c4', { join: { token: null } });
    await until('the replacement is complete', async () => {
      const { status, body } = await order(leader, `/${dead}/replace`, { by: 'c4', address });
      return status === 200 && body['complete'] === true;
    });
    await started;
    const names = (await list()).controllers.map(({ name, standing }) => `${name} ${standing}`);
    expect(names.toSorted()).toEqual(
      [...['c1', 'c2', 'c3'].filter((name) => name !== dead), 'c4']
        .map((name) => `${name} voter`)
        .toSorted(),
    );
    await write('after');
    await allHold(['c4', leader]);
  });

  it('hands over to one whose disk has space, when nobody is named', async () => {
    await found('c1', 'c2', 'c3');
    const { name: leader, controller } = await group.leader();
    const others = (await list()).controllers.filter(({ name }) => name !== leader);
    const [first, second] = others;
    controller.core.announcements.heard(first?.id ?? 0, {
      ...{ type: 'announce', apiAddress: '', strays: [], wallAtMs: null },
      disk: { availableBytes: 1, nearlyFull: true },
    });
    const { status, body } = await order(leader, '/transfer-leader');
    expect([status, body['name']]).toEqual([200, second?.name]);
  });

  it('takes no voter for a new member: nobody is removed by a mistaken name', async () => {
    await found('c1', 'c2', 'c3');
    const { name: leader } = await group.leader();
    const [other = '', third = ''] = ['c1', 'c2', 'c3'].filter((name) => name !== leader);
    const { term } = await list();
    for (const name of [other, leader]) {
      const { status, body } = await order(leader, `/${name}/replace`, { by: third });
      expect(status).toBe(409);
      expect(body['detail']).toContain(`'${third}' is a voter already`);
      expect(body['detail']).toContain(`\`matriarch controllers remove ${name}\``);
    }
    const after = await list();
    expect(after.controllers.map(({ standing }) => standing)).toEqual(['voter', 'voter', 'voter']);
    // Not even the leadership moved for what is refused.
    expect([after.leader, after.term]).toEqual([leader, term]);
  });

  it('ends a replacement whose new member became a voter meanwhile', async () => {
    await found('c1', 'c2', 'c3');
    await add('c4', 'c1');
    await untilVoter('c4');
    const away = (await group.leader()).name === 'c2' ? 'c3' : 'c2';
    const { name: leader } = await group.leader();
    const { status, body } = await order(leader, `/${away}/replace`, { by: 'c4' });
    expect([status, body['complete']]).toEqual([200, true]);
    expect((await list()).controllers.map(({ name }) => name)).not.toContain(away);
  });

  it('refuses a removal after which no majority would answer', async () => {
    await found('c1', 'c2', 'c3');
    const follower = await group.follower();
    await group.stop(follower);
    const { name: leader } = await group.leader();
    const alive = ['c1', 'c2', 'c3'].find((name) => name !== follower && name !== leader) ?? '';
    const refused = await order(leader, `/${alive}/remove`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'MEMBERSHIP_REFUSED' } });
    expect(refused.body['detail']).toContain('no majority');
    expect((await order(leader, `/${alive}x/remove`)).status).toBe(404);
    // Not even the leadership moves for what could not be carried out then.
    const itself = await order(leader, `/${leader}/remove`);
    expect(itself).toMatchObject({ status: 409, body: { code: 'MEMBERSHIP_REFUSED' } });
    expect((await group.leader()).name).toBe(leader);
  });

  it('follows the committed membership after a restart with the old file', async () => {
    await found('c1', 'c2', 'c3');
    await group.stop('c1');
    await add('c4', 'c2');
    await untilVoter('c4');
    const replaced = await add('c5', 'c2');
    await untilVoter('c5');
    for (const name of ['c2', 'c3']) {
      const { name: leader } = await group.leader();
      // Asked through itself it may be gone before the answer is.
      await until(`${name} is removed`, async () => {
        const answer = await order(leader, `/${name}/remove`).catch(() => null);
        return answer?.status === 200 || !group.running.has(name);
      });
      await until(`${name} stops`, () => !group.running.has(name));
      if (name === 'c2') await group.start('c1');
      await until('c1 follows', () => group.running.get('c1')?.core.leader.name);
    }
    // c1 still has the file that names c2 and c3, which are gone, and nobody else.
    await group.stop('c1');
    await write('while-away');
    await group.start('c1');
    await write('back');
    await allHold(['c1', 'c4', 'c5']);
    // A newcomer starts again from its directory, without asking anybody.
    await group.stop('c5');
    await group.start('c5', { join: { token: replaced.token } });
    await write('again');
    await allHold(['c1', 'c4', 'c5']);
  });

  it('gives a seat once: an empty directory never comes back under it', async () => {
    await found('c1', 'c2', 'c3');
    const { token } = await add('c4', 'c1');
    await untilVoter('c4');
    await group.stop('c4');
    await expect(group.start('c4', { directoryOf: 'c4-empty', join: { token } })).rejects.toThrow(
      /was taken by another directory/,
    );
    await group.leader();
    expect((await order('c1', '/c4/remove')).status).toBe(200);
    const address = `127.0.0.1:${group.ports.get('c4')?.link}`;
    const started = group.start('c4', { directoryOf: 'c4-empty', join: { token: null } });
    const again = await until('it is added anew', async () => {
      const { status, body } = await order('c1', '', { name: 'c4', address });
      return status === 201 && controllerOrderAnswer.parse(body);
    });
    await started;
    expect(again.token).not.toBe(token);
    await untilVoter('c4');
  });
});
