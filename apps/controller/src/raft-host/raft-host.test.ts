import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClusterEvent, DEFAULT_SETTINGS } from '#libs/cluster';
import { type Command, historyKey, packCommand, packEnvelope } from '#libs/event-store';
import { clusterName, epochMs } from '#libs/kernel';
import type { ProposalLoss } from '#libs/leader';
import type { Message } from '#libs/raft';
import type { Log } from '../log.ts';
import { systemClock } from '../system-clock.ts';
import { STORE_PORTS } from './load-event-store.ts';
import { openReplica, type Replica } from './open-replica.ts';
import { openSeat } from './open-seat.ts';
import { StateReader } from './state-reader.ts';

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };
const FOUNDERS = ['c1', 'c2', 'c3'].map((name) => ({ name, address: `${name}:7400` }));
const TIMING = { tickMs: 10, heartbeatMs: 20, electionMs: 100 };

/** Three replicas on real stores, with links that hand messages over in the next turn. */
class Trio {
  readonly replicas = new Map<number, Replica>();
  constructor(readonly directory: string) {}

  async start(id: number): Promise<Replica> {
    const seat = await openSeat({
      directory: join(this.directory, `c${id}`),
      groupId: 'g1',
      name: `c${id}`,
      entry: { kind: 'found', founders: FOUNDERS, mayFound: () => Promise.resolve() },
    });
    const replica = await openReplica(seat, {
      timing: TIMING,
      links: { send: (message) => this.#deliver(message) },
      clock: systemClock,
      log: SILENT,
      seed: id,
      compaction: { afterEntries: 400, trailingEntries: 100 },
      onFatal: (error) => {
        throw error;
      },
    });
    this.replicas.set(id, replica);
    replica.host.start();
    return replica;
  }

  async stop(id: number): Promise<void> {
    const replica = this.replicas.get(id);
    this.replicas.delete(id);
    await replica?.host.stop();
    await replica?.storage.close();
    // As a network does when the connection of a process ends.
    for (const { host } of this.replicas.values()) host.onUnreachable(id);
  }

  async leader(): Promise<Replica> {
    return until(() => [...this.replicas.values()].find((replica) => replica.host.serving));
  }

  #deliver(message: Message): void {
    setImmediate(() => this.replicas.get(message.to)?.host.receive(message));
  }
}

async function until<T>(look: () => T | undefined | false): Promise<T> {
  const end = systemClock.monotonicMs() + 8_000;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (systemClock.monotonicMs() > end) throw new Error('it did not happen within 8 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function put(
  replica: Replica,
  key: string,
  value: Uint8Array = Uint8Array.of(1, 2, 3),
): Promise<number> {
  return apply(replica, { type: 'put', key, value, expectedRevision: null });
}

function apply(replica: Replica, command: Command): Promise<number> {
  const body = packCommand(STORE_PORTS, command);
  return new Promise((resolve, reject) => {
    replica.host.propose(packEnvelope(STORE_PORTS, { from: 'controller', body }), {
      onApplied: (index) => resolve(index),
      onLost: (loss: ProposalLoss) => reject(new Error(`${loss.code} ${loss.outcome}`)),
    });
  });
}

const CLUSTER = clusterName('main');
const CREATED: ClusterEvent = {
  type: 'ClusterCreated',
  settings: DEFAULT_SETTINGS,
  postgres: {
    ...{ superuser: 'postgres', replicationUser: 'replicator', rewindUser: 'rewinder' },
    ...{ parameters: {}, pgHba: [] },
  },
};

/** One event, decided on version `expectedVersion`. */
function decided(expectedVersion: number, event: ClusterEvent): Command {
  const cause = { by: 'test', rule: 'test' };
  const at = epochMs(1_000 + expectedVersion);
  return { type: 'append', cluster: CLUSTER, expectedVersion, at, cause, events: [event] };
}

async function history({ storage, host }: Replica): Promise<string[]> {
  const reader = new StateReader(storage, host.overlay);
  const records = await reader.page('history/', historyKey(CLUSTER, 1), 1_000);
  return records.map(({ value }) => Buffer.from(value).toString('hex'));
}

describe('three replicas on real stores', () => {
  let trio: Trio;
  beforeEach(() => {
    trio = new Trio(mkdtempSync(join(tmpdir(), 'raft-host-')));
  });
  afterEach(async () => {
    for (const id of [...trio.replicas.keys()]) await trio.stop(id);
    rmSync(trio.directory, { recursive: true, force: true });
  });

  it('elect a leader, commit, and reach the same digest', async () => {
    for (const id of [1, 2, 3]) await trio.start(id);
    const leader = await trio.leader();
    const puts = Array.from({ length: 100 }, (_, n) => put(leader, `k${n}`));
    const last = Math.max(...(await Promise.all(puts)));
    const hosts = [...trio.replicas.values()].map(({ host }) => host);
    await until(() => hosts.every((host) => host.applies.index >= last));
    expect(new Set(hosts.map((host) => host.store.digest)).size).toBe(1);
    expect(leader.host.store.digest).not.toBe(0);
  });

  it('go on without the leader, and a restarted member catches up from its own disk', async () => {
    for (const id of [1, 2, 3]) await trio.start(id);
    const first = await trio.leader();
    const gone = first.host.status().self;
    await put(first, 'before');
    await trio.stop(gone);
    const second = await trio.leader();
    const last = await put(second, 'after');
    const back = await trio.start(gone);
    await until(() => back.host.applies.index >= last);
    expect(back.host.store.digest).toBe(second.host.store.digest);
  });

  it('a follower refuses proposals and names the leader', async () => {
    for (const id of [1, 2, 3]) await trio.start(id);
    const leader = await trio.leader();
    const follower = await until(() =>
      [...trio.replicas.values()].find(
        ({ host }) => host !== leader.host && host.role.leader === leader.host.status().self,
      ),
    );
    await expect(put(follower, 'k')).rejects.toThrow('NOT_LEADER notApplied');
  });

  it('a whole restart replays to the same digest', async () => {
    for (const id of [1, 2, 3]) await trio.start(id);
    await put(await trio.leader(), 'kept');
    const { digest } = (await trio.leader()).host.store;
    for (const id of [1, 2, 3]) await trio.stop(id);
    for (const id of [1, 2, 3]) await trio.start(id);
    const leader = await trio.leader();
    expect(leader.host.store.digest).toBe(digest);
  });

  it('a member that missed more than the log still holds gets a snapshot and goes on', async () => {
    for (const id of [1, 2, 3]) await trio.start(id);
    const leader = await trio.leader();
    const away = [1, 2, 3].find((id) => id !== leader.host.status().self) ?? 0;
    await put(leader, 'seen-by-all');
    await trio.stop(away);
    // Large enough for several pieces.
    for (let n = 0; n < 30; n += 1) {
      await Promise.all(
        Array.from({ length: 40 }, (_, m) => put(leader, `k${n}-${m}`, new Uint8Array(1_000))),
      );
    }
    await until(() => leader.storage.firstIndex > 500);
    const back = await trio.start(away);
    expect(back.host.applies.index).toBeLessThan(leader.storage.firstIndex);
    await until(() => back.host.applies.index >= leader.host.applies.index);
    const last = await put(leader, 'after-the-snapshot');
    await until(() => back.host.applies.index >= last);
    expect(back.host.store.digest).toBe(leader.host.store.digest);
    expect(back.storage.firstIndex).toBeGreaterThan(500);

    await trio.stop(away);
    const again = await trio.start(away);
    await until(() => again.host.applies.index >= last);
    expect(again.host.store.digest).toBe(leader.host.store.digest);
  }, 20_000);

  it('keep the history of a cluster when the log that made it is gone', async () => {
    for (const id of [1, 2, 3]) await trio.start(id);
    const leader = await trio.leader();
    const away = [1, 2, 3].find((id) => id !== leader.host.status().self) ?? 0;
    await trio.stop(away);
    await apply(leader, decided(0, CREATED));
    for (let version = 1; version < 40; version += 1) {
      const type = version % 2 === 1 ? 'ClusterPaused' : 'ClusterResumed';
      await apply(leader, decided(version, { type }));
    }
    const events = await history(leader);
    expect(events).toHaveLength(40);
    await Promise.all(Array.from({ length: 900 }, (_, n) => put(leader, `k${n}`)));
    const last = await put(leader, 'last');
    await until(() => leader.storage.firstIndex > 500);
    const back = await trio.start(away);
    await until(() => back.host.applies.index >= last);
    expect(back.storage.firstIndex).toBeGreaterThan(500);
    expect(await history(back)).toEqual(events);

    for (const id of [1, 2, 3]) await trio.stop(id);
    for (const id of [1, 2, 3]) await trio.start(id);
    const leads = await trio.leader();
    expect(leads.storage.firstIndex).toBeGreaterThan(500);
    for (const replica of trio.replicas.values()) {
      await until(() => replica.host.applies.index >= last);
      expect(await history(replica)).toEqual(events);
    }
  }, 20_000);
});
