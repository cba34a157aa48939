import { cpSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { SessionClient } from './clients.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const NAMES = ['c1', 'c2', 'c3'] as const;
const LOST = 'a controller lost what it had acknowledged: replace it';

/**
 * A directory is put back to an older copy of itself, a snapshot of its disk say: it has the number of the one
 * that has the seat, and lacks votes and entries that were acknowledged from it.
 */
describe('a controller on an older copy of its directory', () => {
  let group: ThreeControllers;
  afterEach(() => group.close());

  async function write(key: string): Promise<void> {
    const client = await SessionClient.connect(group, (await group.leader()).name);
    const session = await client.open(`token-${key}`);
    const put = { type: 'put', key, value: new Uint8Array([7]), expectedRevision: null } as const;
    expect((await client.command(session, 1, put)).type).toBe('result');
    client.close();
  }

  const seatOf = (at: string, id: number) =>
    group.running.get(at)?.replica.host.store.seatTaker(id);

  async function seatsLost(at: string): Promise<string[]> {
    const { body } = await ask(group, at, { method: 'GET', path: '/metrics' });
    return body.match(/^matriarch_raft_peer_seat_lost\{.*$/gm)?.sort() ?? [];
  }

  /** The follower acknowledged all that the leader has, and was put back to before. */
  async function putBack() {
    group = await ThreeControllers.make();
    await group.startAll();
    const old = await group.follower();
    const id = group.founders.indexOf(old) + 1;
    await until('the seats are known', () => NAMES.every((at) => seatOf(at, id) != null));
    await group.stop(old);
    const [directory, copy] = [group.directoryOf(old), `${group.directoryOf(old)}-copy`];
    cpSync(directory, copy, { recursive: true });
    await group.start(old);
    await write('acknowledged');
    const { name: leader, controller } = await group.leader();
    await until('it acknowledged everything', () => {
      const { peers, lastIndex } = controller.replica.host.status();
      return peers.some((peer) => peer.id === id && peer.matchIndex === lastIndex);
    });
    await group.stop(old);
    rmSync(directory, { recursive: true });
    cpSync(copy, directory, { recursive: true });
    return { old, id, leader };
  }

  const stops = (name: string) =>
    until(`${name} stops`, () => group.removed.has(name) && !group.running.has(name));

  it('is found by the leader to which it had acknowledged more, and loses its seat for good', async () => {
    const { old, id, leader } = await putBack();
    await group.start(old);
    await stops(old);
    expect(group.removed.get(old)).toContain('put back to an older copy of itself');
    const said = group.lines.filter(({ message }) => message === LOST);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({ level: 'error', fields: { id, name: old } });
    await write('after');
    const other = NAMES.find((name) => name !== old && name !== leader) ?? '';
    for (const at of [leader, other]) {
      await until(`${at} knows`, () => seatOf(at, id)?.startsWith('none.') === true);
      const seat = (peer: string, lost: 0 | 1) =>
        `matriarch_raft_peer_seat_lost{peer="${peer}"} ${lost}`;
      const third = at === leader ? other : leader;
      expect(await seatsLost(at)).toEqual([seat(old, 1), seat(third, 0)].sort());
    }
    // Another leader never had its promises, and does not listen to it either.
    await group.stop(leader);
    group.removed.clear();
    await group.start(old);
    await stops(old);
    expect(group.running.get(other)?.replica.host.role.role).not.toBe('leader');
    await group.start(leader);
    await write('with-the-two-that-are-whole');
  });
});
