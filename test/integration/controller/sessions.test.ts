import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '#libs/cluster';
import { unpackResult } from '#libs/event-store';
import { clusterName, epochMs } from '#libs/kernel';
import { decode, type SessionAnswer } from '#libs/protocol';
import { STORE_PORTS } from '../../../apps/controller/src/raft-host/load-event-store.ts';
import { SessionClient } from './clients.ts';
import { ThreeControllers } from './controllers.ts';

const put = (key: string, expectedRevision: number | null = null) =>
  ({ type: 'put', key, value: new Uint8Array([7]), expectedRevision }) as const;

describe('sessions', () => {
  let group: ThreeControllers;
  const clients: SessionClient[] = [];
  beforeEach(async () => {
    group = await ThreeControllers.make();
    await group.startAll();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await group.close();
  });

  async function connect(to: string): Promise<SessionClient> {
    const client = await SessionClient.connect(group, to);
    clients.push(client);
    return client;
  }

  it('have one effect for a command that is repeated at the next leader', async () => {
    const first = await group.leader();
    const client = await connect(first.name);
    const session = await client.open('token-1');
    const answer = resultOf(await client.command(session, 1, put('k', 0)));
    expect(answer).toMatchObject({ type: 'written' });

    await group.stop(first.name);
    const next = await connect((await group.leader()).name);
    expect(await next.open('token-1')).toBe(session);
    // A second effect would be refused: the register exists by then.
    expect(resultOf(await next.command(session, 1, put('k', 0)))).toEqual(answer);
    expect(resultOf(await next.command(session, 2, put('k', 0)))).toMatchObject({
      type: 'rejected',
      code: 'STALE_REVISION',
    });
  });

  it('read what was written, at the leader', async () => {
    const client = await connect((await group.leader()).name);
    const session = await client.open('token-2');
    const written = resultOf(await client.command(session, 1, put('k')));
    const read = await client.read('k');
    const revision = written.type === 'written' ? written.revision : -1;
    expect(read.type === 'result' && decode(read.body)).toEqual([revision, Buffer.from([7])]);
    const absent = await client.read('absent');
    expect(absent.type === 'result' && decode(absent.body)).toEqual([0, null]);
  });

  it('are told by a follower who leads, and that nothing was applied', async () => {
    const follower = await group.follower();
    const client = await connect(follower);
    const answer = await client.command(1, 1, put('k'));
    const { name: leader } = await group.leader();
    expect(answer).toMatchObject({ type: 'failed', outcome: 'notApplied', leader });
    expect(answer).toMatchObject({ code: 'NOT_LEADER' });
  });

  it('may not write events', async () => {
    const client = await connect((await group.leader()).name);
    const session = await client.open('token-3');
    const answer = await client.command(session, 1, {
      type: 'append',
      cluster: clusterName('main'),
      expectedVersion: 0,
      at: epochMs(0),
      cause: { by: 'mallory', rule: 'none' },
      events: [
        {
          type: 'ClusterCreated',
          settings: DEFAULT_SETTINGS,
          postgres: {
            superuser: 'a',
            replicationUser: 'b',
            rewindUser: 'c',
            parameters: {},
            pgHba: [],
          },
        },
      ],
    });
    expect(answer).toMatchObject({ code: 'COMMAND_NOT_ALLOWED', outcome: 'notApplied' });
  });
});

function resultOf(answer: SessionAnswer) {
  if (answer.type !== 'result') throw new Error(`no result: ${JSON.stringify(answer)}`);
  return unpackResult(STORE_PORTS, answer.body);
}
