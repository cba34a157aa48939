import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClusterEvent, DEFAULT_SETTINGS } from '#libs/cluster';
import { clusterName, epochMs } from '#libs/kernel';
import { decode, encode } from '#libs/protocol';
import { type Command, packCommand, packEnvelope } from './command.ts';
import { EventStore } from './event-store.ts';
import { historyKey, PREFIX, sessionKey } from './keys.ts';
import type { StateWrite } from './ports.ts';
import { SESSIONS_MAX } from './sessions.ts';
import { HISTORY_MAX } from './streams.ts';

const ports = { encode, decode, crc32: (bytes: Uint8Array, seed: number) => crc32(bytes, seed) };
const cluster = clusterName('demo');
const created: ClusterEvent = {
  type: 'ClusterCreated',
  settings: DEFAULT_SETTINGS,
  postgres: {
    superuser: 'postgres',
    replicationUser: 'replicator',
    rewindUser: 'rewinder',
    parameters: {},
    pgHba: [],
  },
};

function append(expectedVersion: number, events: readonly ClusterEvent[], at = 1_000): Uint8Array {
  const cause = { by: 'test', rule: 'test' };
  const at_ = epochMs(at);
  return fromController({ type: 'append', cluster, expectedVersion, at: at_, cause, events });
}

function fromController(command: Command): Uint8Array {
  return packEnvelope(ports, { from: 'controller', body: packCommand(ports, command) });
}

function put(key: string, text: string, expectedRevision: number | null = null): Command {
  return { type: 'put', key, value: new TextEncoder().encode(text), expectedRevision };
}

function inSession(session: number, sequence: number, command: Command): Uint8Array {
  const body = packCommand(ports, command);
  return packEnvelope(ports, { from: 'session', session, sequence, answeredTo: 0, body });
}

/** What storage would hold after these writes. */
function stored(batches: readonly (readonly StateWrite[])[]): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  for (const write of batches.flat()) {
    if (write.type === 'put') records.set(write.key, write.value);
    else if (write.type === 'latest') records.set(write.key, write.value());
    else records.delete(write.key);
  }
  return records;
}

describe('what a newer version wrote', () => {
  const unknown = (name: string, more: object) =>
    ({ type: name, ...more }) as unknown as ClusterEvent;

  it.each([
    { what: "event 'Reconsidered'", event: unknown('Reconsidered', {}) },
    { what: "'until' of event 'ClusterPaused'", event: unknown('ClusterPaused', { until: 7 }) },
    {
      what: "'outcome: postponed' of event 'RestartEnded'",
      event: unknown('RestartEnded', { outcome: 'postponed', reason: '' }),
    },
  ])('stops at $what and applies nothing, be the decision stale or not', ({ what, event }) => {
    for (const version of [1, 7]) {
      const store = new EventStore(ports);
      store.apply(1, append(0, [created]));
      const before = store.digest;
      const batch = append(version, [{ type: 'ClusterPaused' }, event]);
      expect(() => store.apply(2, batch)).toThrow(
        `the log holds ${what} of cluster demo, which this version does not know`,
      );
      expect(store.digest).toBe(before);
      expect(store.cluster(cluster)?.paused).toBe(false);
    }
  });

  it('stops at a command of a controller, and refuses that of a client', () => {
    const store = new EventStore(ports);
    const body = encode(['reshard', 7]);
    expect(() => store.apply(1, packEnvelope(ports, { from: 'controller', body }))).toThrow(
      "the log holds a command 'reshard', which this version does not know",
    );
    store.apply(2, packEnvelope(ports, { from: 'opening', token: 't' }));
    const asked = { from: 'session', session: 2, sequence: 1, answeredTo: 0, body } as const;
    expect(store.apply(3, packEnvelope(ports, asked)).result).toMatchObject({
      code: 'MALFORMED_COMMAND',
    });
  });
});

describe('a stream of events', () => {
  it('takes a batch at the version it was made on', () => {
    const store = new EventStore(ports);
    const applied = store.apply(1, append(0, [created]));
    expect(applied.result).toEqual({ type: 'appended', version: 1, sequence: 1 });
    expect(applied.events).toMatchObject([{ sequence: 1, version: 1, event: created }]);
  });

  it('rejects a batch whole when it was made on another version, and says which stands', () => {
    const store = new EventStore(ports);
    store.apply(1, append(0, [created]));
    const before = store.digest;
    const late = store.apply(2, append(0, [{ type: 'ClusterPaused' }]));
    expect(late.result).toMatchObject({ code: 'STALE_VERSION', current: 1 });
    expect(late.events).toEqual([]);
    expect(late.writes).toEqual([]);
    expect(store.digest).toBe(before);
    expect(store.cluster(cluster)?.paused).toBe(false);
  });

  it('keeps each outage in the ledger, both of a batch that ends one and begins the next', () => {
    const store = new EventStore(ports);
    const from = 'pg1' as never;
    const switchover = { type: 'SwitchoverStarted', epoch: 1, from, to: 'pg2' } as never;
    const abandoned: ClusterEvent = { type: 'SwitchoverAbandoned', reason: 'pg2 is lost' };
    const batches = [
      [created, switchover],
      [abandoned, switchover],
    ] as const;
    const writes = batches.map((events, at) => store.apply(at + 1, append(at * 2, events)).writes);
    const records = [...stored(writes)].filter(([key]) => key.startsWith(PREFIX.outage));
    expect(records.map(([, value]) => decode(value))).toMatchObject([
      { number: 1, outcome: 'given-up', reason: 'pg2 is lost' },
      { number: 2, outcome: 'running' },
    ]);
  });

  it('rejects a batch whole when one of its events is not admitted', () => {
    const store = new EventStore(ports);
    store.apply(1, append(0, [created]));
    const bad: ClusterEvent = {
      type: 'PrimaryResumed',
      epoch: 1 as never,
      instance: 'pg1' as never,
    };
    const { result, events } = store.apply(2, append(1, [{ type: 'ClusterPaused' }, bad]));
    expect(result).toMatchObject({ code: 'NOT_ADMITTED' });
    expect(events).toEqual([]);
    expect(store.cluster(cluster)?.paused).toBe(false);
  });

  it('keeps refusals without making later decisions stale', () => {
    const store = new EventStore(ports);
    store.apply(1, append(0, [created]));
    store.apply(2, append(1, [{ type: 'ActionRefused', action: 'failover', refusals: [] }]));
    const { result } = store.apply(3, append(1, [{ type: 'ClusterPaused' }]));
    expect(result).toEqual({ type: 'appended', version: 2, sequence: 3 });
  });

  it('never lets log time run backwards under a leader with a slow wall clock', () => {
    const store = new EventStore(ports);
    store.apply(1, append(0, [created], 5_000));
    const { events } = store.apply(2, append(1, [{ type: 'ClusterPaused' }], 1_000));
    expect(events[0]?.at).toBe(5_000);
  });
});

describe('a session', () => {
  it('has one effect and one answer per command, however often it is sent', () => {
    const store = new EventStore(ports);
    store.apply(1, packEnvelope(ports, { from: 'opening', token: 'a' }));
    const first = store.apply(2, inSession(1, 1, put('k', 'one')));
    store.apply(3, inSession(1, 2, put('k', 'two')));
    const repeated = store.apply(4, inSession(1, 1, put('k', 'one')));
    expect(repeated.result).toEqual(first.result);
    expect(repeated.writes).toEqual([]);
  });

  it('is found again by its token and unknown otherwise', () => {
    const store = new EventStore(ports);
    store.apply(1, packEnvelope(ports, { from: 'opening', token: 'a' }));
    const again = store.apply(2, packEnvelope(ports, { from: 'opening', token: 'a' }));
    expect(again.result).toEqual({ type: 'opened', session: 1 });
    const stranger = store.apply(3, inSession(9, 1, put('k', 'x')));
    expect(stranger.result).toMatchObject({ code: 'SESSION_UNKNOWN' });
  });

  it('is forgotten when it was used longest ago, alike on a member that was restarted', () => {
    const open = (at: number) => packEnvelope(ports, { from: 'opening', token: `t${at}` });
    const running = new EventStore(ports);
    const batches = Array.from({ length: SESSIONS_MAX }, (_, at) => {
      return running.apply(at + 1, open(at)).writes;
    });
    const used = inSession(1, 1, put('k', 'x'));
    batches.push(running.apply(SESSIONS_MAX + 1, used).writes);
    const restarted = new EventStore(ports);
    const byKey = [...stored(batches)].sort(([a], [b]) => (a < b ? -1 : 1));
    restarted.restore(byKey, running.digest);
    for (const store of [running, restarted]) {
      const { writes } = store.apply(SESSIONS_MAX + 2, open(SESSIONS_MAX));
      expect(writes.filter(({ type }) => type === 'del').map(({ key }) => key)).toEqual([
        sessionKey(2),
      ]);
    }
    expect(restarted.digest).toBe(running.digest);
  });
});

describe('a register', () => {
  it('compares its revision before it writes', () => {
    const store = new EventStore(ports);
    expect(store.apply(1, fromController(put('k', 'one', 0))).result).toEqual({
      type: 'written',
      revision: 1,
    });
    const stale = store.apply(2, fromController(put('k', 'two', 0)));
    expect(stale.result).toMatchObject({ code: 'STALE_REVISION', current: 1 });
    expect(store.apply(3, fromController(put('k', 'two', 1))).result).toMatchObject({
      revision: 3,
    });
  });
});

it('keeps the newest part of a history, whatever the log still holds', () => {
  const store = new EventStore(ports);
  store.apply(1, append(0, [created]));
  const restoration = { incarnation: 'b2', floor: HISTORY_MAX };
  const last = store.apply(2, append(1, [{ type: 'ClusterPaused', restoration }])).writes;
  expect(last.filter(({ type }) => type === 'del')).toEqual([]);
  const { writes } = store.apply(3, append(HISTORY_MAX, [{ type: 'ClusterResumed' }]));
  expect(writes).toContainEqual({ type: 'del', key: historyKey(cluster, 1) });
});

it('answers garbage with a rejection and changes nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (garbage, enveloped) => {
      const store = new EventStore(ports);
      const { result, writes } = store.apply(1, enveloped ? encode([0, garbage]) : garbage);
      expect(result).toMatchObject({ type: 'rejected', code: 'MALFORMED_COMMAND' });
      expect(writes).toEqual([]);
    }),
  );
});

it('lets no client write what the controllers keep for themselves', () => {
  const store = new EventStore(ports);
  store.apply(1, packEnvelope(ports, { from: 'opening', token: 'a' }));
  const { result } = store.apply(2, inSession(1, 1, put('controllers/seats/8', 'mine')));
  expect(result).toMatchObject({ code: 'NOT_ADMITTED' });
});

it('lets no client decide about a cluster', () => {
  const store = new EventStore(ports);
  store.apply(1, packEnvelope(ports, { from: 'opening', token: 'a' }));
  const cause = { by: 'intruder', rule: 'none' };
  const at = epochMs(1);
  const command = {
    type: 'append',
    cluster,
    expectedVersion: 0,
    at,
    cause,
    events: [created],
  } as const;
  expect(store.apply(2, inSession(1, 1, command)).result).toMatchObject({ code: 'NOT_ADMITTED' });
  expect(store.clusters()).toEqual([]);
});

it('goes on from storage exactly where it was', () => {
  const commands = [
    append(0, [created]),
    packEnvelope(ports, { from: 'opening', token: 'a' }),
    inSession(2, 1, put('k', 'one')),
    inSession(2, 2, put('k', 'two', 3)),
    append(1, [{ type: 'ClusterPaused' }]),
    inSession(2, 2, put('k', 'two', 3)),
    fromController({ type: 'delete', key: 'k', expectedRevision: null }),
    append(2, [{ type: 'ClusterResumed' }]),
  ];
  for (let cut = 0; cut <= commands.length; cut += 1) {
    const whole = new EventStore(ports);
    const before = new EventStore(ports);
    const batches = commands
      .slice(0, cut)
      .map((payload, at) => before.apply(at + 1, payload).writes);
    const after = new EventStore(ports);
    after.restore(stored(batches), before.digest);
    const results = commands.map((payload, at) => whole.apply(at + 1, payload).result);
    const resumed = commands
      .slice(cut)
      .map((payload, at) => after.apply(cut + at + 1, payload).result);
    expect(resumed).toEqual(results.slice(cut));
    expect(after.digest).toBe(whole.digest);
    expect(after.clusters()).toEqual(whole.clusters());
  }
});

describe('another life of the controllers', () => {
  it('is remembered, stored, and the same on whoever loads it', () => {
    const store = new EventStore(ports);
    expect(store.incarnation).toBeNull();
    const { writes } = store.apply(1, fromController({ type: 'incarnation', incarnation: 'b2' }));
    const loaded = new EventStore(ports);
    const records = writes.flatMap((write): [string, Uint8Array][] =>
      write.type === 'put' ? [[write.key, write.value]] : [],
    );
    loaded.restore(records, store.digest);
    expect([store.incarnation, loaded.incarnation]).toEqual(['b2', 'b2']);
  });

  it('numbers events above all that the older one gave out', () => {
    const store = new EventStore(ports);
    store.apply(1, append(0, [created]));
    const restoration = { incarnation: 'b2', floor: 5_000 };
    store.apply(2, append(1, [{ type: 'ClusterPaused', restoration }]));
    expect(store.cluster(cluster)).toMatchObject({ sequence: 5_000, version: 5_000, paused: true });
    store.apply(3, append(5_000, [{ type: 'ClusterResumed' }]));
    expect(store.cluster(cluster)).toMatchObject({ sequence: 5_001, version: 5_001 });
  });
});
