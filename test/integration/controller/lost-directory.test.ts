import { renameSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { API_PATHS, controllersAnswer } from '#libs/api';
import { decode } from '#libs/protocol';
import { SessionClient } from './clients.ts';
import { OPERATOR } from './cluster-definition.ts';
import { type Line, ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const NAMES = ['c1', 'c2', 'c3'] as const;

const WAITS = 'this controller waits before it founds a group';

const saysWaiting = (name: string, silent: string) => (line: Line) =>
  line.message === WAITS &&
  line.fields?.['controller'] === name &&
  JSON.stringify(line.fields).includes(`${silent} (`);

/**
 * Known bug 24 (TiKV #9579): a member that comes back under its id without what it promised. A disk was
 * replaced, or its directory emptied, and the configuration still names it as a founder.
 */
describe('a founder whose directory was lost', () => {
  let group: ThreeControllers;
  afterEach(() => group.close());

  const put = (key: string) =>
    ({ type: 'put', key, value: new Uint8Array([7]), expectedRevision: null }) as const;

  const lengthOf = (name: string) => group.running.get(name)?.replica.host.status().lastIndex;

  const storeOf = (name: string) => group.running.get(name)?.replica.host.store;

  async function found(): Promise<void> {
    group = await ThreeControllers.make();
    await group.startAll();
    await group.leader();
    for (const at of NAMES) {
      await until(`${at} knows all seats`, () =>
        NAMES.every((_, position) => storeOf(at)?.seatTaker(position + 1) !== null),
      );
    }
  }

  /** Two of three directories are gone; nobody runs. */
  async function loseMajority() {
    await found();
    await write('acknowledged');
    const { name: leader } = await group.leader();
    const kept = await group.follower();
    await until('it holds what was acknowledged', () => lengthOf(kept) === lengthOf(leader));
    const emptied = NAMES.filter((name) => name !== kept);
    for (const name of emptied) await group.stop(name);
    const lastIndex = lengthOf(kept);
    await group.stop(kept);
    for (const name of emptied) rmSync(group.directoryOf(name), { recursive: true });
    return { kept, emptied, lastIndex };
  }

  async function refusal(name: string): Promise<Error> {
    return await group.start(name).then(
      () => Promise.reject(new Error(`${name} started`)),
      (error: Error) => error,
    );
  }

  async function write(key: string): Promise<void> {
    const client = await SessionClient.connect(group, (await group.leader()).name);
    const session = await client.open(`token-${key}`);
    expect((await client.command(session, 1, put(key))).type).toBe('result');
    client.close();
  }

  async function read(key: string): Promise<Uint8Array | null> {
    const client = await SessionClient.connect(group, (await group.leader()).name);
    const answer = await client.read(key);
    client.close();
    if (answer.type !== 'result') throw new Error(JSON.stringify(answer));
    const [, value] = decode(answer.body) as [number, Uint8Array | null];
    return value === null ? null : new Uint8Array(value);
  }

  /** What an operator, and an alert, see of a seat on the controller `at`. */
  async function shownOf(lost: string, at: string) {
    const metrics = await ask(group, at, { method: 'GET', path: '/metrics' });
    const gauge = new RegExp(`^matriarch_raft_peer_other_directory{peer="${lost}"} (.*)$`, 'm');
    const { body } = await ask(group, at, { method: 'GET', path: API_PATHS.controllers });
    const { controllers } = controllersAnswer.parse(JSON.parse(body));
    const seat = controllers.find(({ name }) => name === lost);
    return { gauge: gauge.exec(metrics.body)?.[1], remarks: seat?.remarks };
  }

  it('founds nothing beside those that go on', async () => {
    await found();
    const lost = await group.follower();
    await group.stop(lost);
    const own = `${group.directoryOf(lost)}-own`;
    renameSync(group.directoryOf(lost), own);
    const { name: leader, controller } = await group.leader();
    const { term } = controller.replica.host.role;
    const refused = await refusal(lost);
    expect(refused).toMatchObject({ code: 'GROUP_EXISTS' });
    expect(refused.message).toContain(
      `${leader} (127.0.0.1:${group.placeOf(leader).link}) has its`,
    );
    expect(refused.message).toContain(`controllers remove ${lost}`);
    expect(group.running.has(lost)).toBe(false);
    await write('after');
    expect((await group.leader()).controller.replica.host.role.term).toBe(term);
    const others = NAMES.filter((name) => name !== lost);
    for (const at of others) {
      const { gauge, remarks } = await shownOf(lost, at);
      expect(gauge).toBe('1');
      expect(remarks).toEqual([
        expect.stringContaining(`${lost} was started on another directory`),
      ]);
    }
    rmSync(group.directoryOf(lost), { recursive: true });
    renameSync(own, group.directoryOf(lost));
    await group.start(lost);
    for (const at of others) {
      await until(`${at} meets it`, async () => (await shownOf(lost, at)).gauge === '0');
    }
    // Whoever is asked for the list passes it on to the leader, and that has met it by now.
    for (const at of others) expect((await shownOf(lost, at)).remarks).toEqual([]);
  });

  /** Its file does not name one that joined later, so that leader is not asked: the founders tell it. */
  it('is told by a leader that is no founder', async () => {
    await found();
    const address = await group.newcomer('c4');
    const joined = group.start('c4', { join: { token: null } });
    const order = (path: string, body: unknown) =>
      ask(group, 'c1', {
        ...{ method: 'POST', path: `${API_PATHS.controllers}${path}`, as: OPERATOR },
        body,
      } as const);
    await until('c4 is added', async () => {
      return (await order('', { name: 'c4', address })).status === 201;
    });
    await joined;
    await until('c4 leads', async () => {
      return (await order('/transfer-leader', { to: 'c4' })).status === 200;
    });
    await group.stop('c2');
    const own = `${group.directoryOf('c2')}-own`;
    renameSync(group.directoryOf('c2'), own);
    expect(await refusal('c2')).toMatchObject({ code: 'GROUP_EXISTS' });
    await until('it is told', async () => (await shownOf('c2', 'c4')).gauge === '1');
    expect((await shownOf('c2', 'c4')).remarks).toEqual([
      expect.stringContaining('c2 was started on another directory'),
    ]);
    rmSync(group.directoryOf('c2'), { recursive: true });
    renameSync(own, group.directoryOf('c2'));
    await group.start('c2');
    await until('it is back', async () => (await shownOf('c2', 'c4')).gauge === '0');
  });

  /** One behind, one emptied, the leader down: what the latter two acknowledged is with the leader only. */
  async function loseOneOfTwo() {
    await found();
    const lost = await group.follower();
    const { name: leader } = await group.leader();
    const behind = NAMES.find((name) => name !== lost && name !== leader) ?? '';
    await group.stop(behind);
    await write('acknowledged-by-two');
    await group.stop(lost);
    await group.stop(leader);
    rmSync(group.directoryOf(lost), { recursive: true });
    return { lost, leader, behind };
  }

  it('waits for the others, and is told by the first that comes', async () => {
    const { lost, leader, behind } = await loseOneOfTwo();
    const refused = refusal(lost);
    await until('it waits', () => group.lines.some(saysWaiting(lost, leader)));
    await group.start(behind);
    expect(await refused).toMatchObject({ code: 'GROUP_EXISTS' });
    expect(group.running.get(behind)?.replica.host.role.role).not.toBe('leader');
    await group.start(leader);
    expect(await read('acknowledged-by-two')).toEqual(new Uint8Array([7]));
  });

  it('does not help an older log to win, even when it was told to found: nothing acknowledged is lost', async () => {
    const { lost, leader, behind } = await loseOneOfTwo();
    // Nobody is there to be asked: it is told by whoever comes next.
    await group.start(lost, { foundWithout: [leader, behind] });
    await group.start(behind);
    await until('it stops', () => group.removed.has(lost) && !group.running.has(lost));
    expect(group.removed.get(lost)).toMatch(/the seat \d of controller 'c\d' belongs to another/);
    expect(group.running.get(behind)?.replica.host.role.role).not.toBe('leader');
    await group.start(leader);
    expect(await read('acknowledged-by-two')).toEqual(new Uint8Array([7]));
  });

  it('founds no empty group with another that lost its own, while one that has the log runs', async () => {
    const { kept, emptied } = await loseMajority();
    await group.start(kept);
    for (const name of emptied) {
      const refused = await refusal(name);
      expect(refused).toMatchObject({ code: 'GROUP_EXISTS' });
      expect(refused.message).toContain(`${kept} (`);
      expect(refused.message).toContain('controllers force-new-cluster');
    }
    expect([...group.running.keys()]).toEqual([kept]);
  });

  it('founds no empty group with another that lost its own, while the one that has the log is away', async () => {
    const { kept, emptied } = await loseMajority();
    const refused = emptied.map(refusal);
    // The two that are empty may not have found each other at first.
    const waitsForItAlone = (name: string) => (line: Line) =>
      saysWaiting(name, kept)(line) &&
      `${line.fields?.['wayOut']}`.endsWith(`--found-without ${kept}`);
    for (const name of emptied) {
      await until(`${name} waits for ${kept}`, () => group.lines.some(waitsForItAlone(name)));
    }
    const said = group.lines.find(waitsForItAlone(emptied[0] ?? ''));
    expect(said?.fields).toMatchObject({
      why: expect.stringContaining(group.directoryOf(emptied[0] ?? '')),
      rule: expect.stringContaining('every founder has answered'),
      wayOut: expect.stringContaining(`--found-without ${kept}`),
    });
    expect(JSON.stringify(said?.fields)).toContain(
      `127.0.0.1:${group.placeOf(kept).link}): no answer`,
    );
    expect(group.running.size).toBe(0);
    await group.start(kept);
    for (const one of refused) expect(await one).toMatchObject({ code: 'GROUP_EXISTS' });
  });

  it('is stopped, with another that was told to found without it, by one that comes back with the log', async () => {
    const { kept, emptied, lastIndex } = await loseMajority();
    await Promise.all(emptied.map((name) => group.start(name, { foundWithout: [kept] })));
    await group.leader();
    await group.start(kept);
    for (const name of emptied) {
      await until(`${name} stops`, () => group.removed.has(name) && !group.running.has(name));
    }
    expect(lengthOf(kept)).toBeGreaterThanOrEqual(lastIndex ?? 0);
  });

  it('enters a group that was founded while it died between its answer and its own founding', async () => {
    group = await ThreeControllers.make();
    const late = new AbortController();
    const gone = group.start('c3', { signal: late.signal }).catch((error: Error) => error.name);
    await until('c3 answers', () => group.lines.some(saysWaiting('c3', 'c1')));
    late.abort();
    expect(await gone).toBe('AbortError');
    await Promise.all(['c1', 'c2'].map((name) => group.start(name, { foundWithout: ['c3'] })));
    await write('without-c3');
    await group.start('c3');
    await until('c3 follows', () => group.running.get('c3')?.core.leader.name);
    expect(await read('without-c3')).toEqual(new Uint8Array([7]));
    await until('its seat is known', () => storeOf('c3')?.seatTaker(3) !== null);
  });

  it('comes back on the directory of before', async () => {
    await found();
    const name = await group.follower();
    await group.stop(name);
    await group.start(name);
    await write('after');
    await until('it holds the same log', async () => {
      const { controller } = await group.leader();
      const own = group.running.get(name)?.replica.host.status().appliedIndex;
      return own === controller.replica.host.status().commitIndex;
    });
    expect(group.removed.size).toBe(0);
  });
});
