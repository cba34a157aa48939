import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, type RecordedEvent } from '#libs/cluster';
import { clusterName, epochMs, instanceName } from '#libs/kernel';
import { createLogger } from '#libs/observability';
import { AgentFrame, decode, encode, PROTOCOL_MAX } from '#libs/protocol';
import { FoldedStateFile } from '../state-directory/folded-state-file.ts';
import { CONFIRMATION_AGE_MAX_MS } from '../timing.ts';
import { Confirmations } from './confirmations.ts';
import type { LinkEvents } from './controller-channel.ts';
import { Controllers } from './controllers.ts';
import { EventStream } from './event-stream.ts';
import { Understanding } from './understanding.ts';

const log = createLogger({ process: 'test', level: 'fatal' });
const cluster = clusterName('orders');

/** The far end of one link: what was asked, and a way to answer. */
class FarEnd {
  readonly asked: { id: number; pattern: string; body: unknown }[] = [];
  up = true;

  constructor(readonly events: LinkEvents) {}

  take(payload: Uint8Array): boolean {
    const [id, pattern, body] = decode(payload) as [number, string, unknown];
    if (this.up) this.asked.push({ id, pattern, body });
    return this.up;
  }

  push(push: unknown): void {
    this.events.onFrame(AgentFrame.push, encode(push));
  }

  answerLast(body: unknown, error: unknown = null): void {
    this.events.onFrame(AgentFrame.answer, encode([this.asked.at(-1)?.id, error, body]));
  }
}

let ends: Map<string, FarEnd>;
let controllers: Controllers;
let leaders: (string | null)[];

beforeEach(() => {
  ends = new Map();
  leaders = [];
  controllers = new Controllers(
    ['c1', 'c2'],
    (name, events) => {
      const end = new FarEnd(events);
      ends.set(name, end);
      return { send: (_type, payload) => end.take(payload), close: () => undefined };
    },
    {
      onLeader: (channel) => leaders.push(channel?.name ?? null),
      onUp: () => undefined,
      onDown: () => undefined,
      onPush: () => undefined,
    },
  );
  for (const end of ends.values()) end.events.onUp();
});

function end(name: string): FarEnd {
  const found = ends.get(name);
  if (found === undefined) throw new Error(`no link to ${name}`);
  return found;
}

describe('Controllers', () => {
  it('believes the later term, and within a term a name more than none', () => {
    end('c1').push({ type: 'leader', name: 'c1', term: 1 });
    end('c1').push({ type: 'leader', name: null, term: 2 });
    expect(controllers.leader).toBeNull();
    end('c2').push({ type: 'leader', name: 'c2', term: 2 });
    end('c1').push({ type: 'leader', name: 'c1', term: 1 });
    expect(controllers.leader?.name).toBe('c2');
    end('c1').push({ type: 'leader', name: null, term: 2 });
    expect(controllers.leader?.name).toBe('c2');
    expect(leaders).toEqual(['c1', null, 'c2']);
  });

  it('answers with what the leader said, refused or not', async () => {
    end('c1').push({ type: 'leader', name: 'c1', term: 1 });
    const first = controllers.askLeader('confirm', {}, 1_000);
    end('c1').answerLast({ version: 1, sequence: 2, controllersIncarnation: 'x' });
    await expect(first).resolves.toMatchObject({ sequence: 2 });
    const second = controllers.askLeader('confirm', {}, 1_000);
    end('c1').answerLast(null, { code: 'NOT_LEADER', message: 'c2 leads' });
    await expect(second).rejects.toMatchObject({ code: 'NOT_LEADER', message: 'c2 leads' });
  });

  it('fails what waits when the link goes down, and asks nobody without a leader', async () => {
    end('c1').push({ type: 'leader', name: 'c1', term: 1 });
    const waiting = controllers.askLeader('confirm', {}, 1_000);
    end('c1').events.onDown('reset');
    await expect(waiting).rejects.toMatchObject({ code: 'LINK_DOWN' });
    await expect(controllers.askLeader('confirm', {}, 1_000)).rejects.toMatchObject({
      code: 'NO_LEADER',
    });
  });
});

describe('EventStream', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'matriarch-link-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const postgres = {
    superuser: 'postgres',
    replicationUser: 'r',
    rewindUser: 'w',
    parameters: {},
    pgHba: [],
  };

  function event(sequence: number): RecordedEvent {
    const endpoint = { host: '10.0.0.1', port: 5432 };
    const tags = { noFailover: false, noLoadBalance: false, failoverPriority: 1 };
    const instance = instanceName(`pg${sequence}`);
    return {
      cluster,
      sequence,
      version: sequence,
      at: epochMs(sequence),
      cause: { by: 'test', rule: 'test' },
      event:
        sequence === 1
          ? { type: 'ClusterCreated', settings: DEFAULT_SETTINGS, postgres }
          : { type: 'InstanceJoined', instance, postgres: endpoint, agent: endpoint, tags },
    };
  }

  function stream(): EventStream {
    return new EventStream(new FoldedStateFile(directory), log, () => undefined);
  }

  it('passes over what comes twice, and asks again where something is missing', () => {
    const reader = stream();
    const [channel] = controllers.channels;
    if (channel === undefined) throw new Error('no channel');
    reader.readFrom(channel);
    reader.take([event(1), event(2)], channel);
    reader.take([event(1), event(2), event(3)], channel);
    expect(Object.keys(reader.state?.members ?? {})).toEqual(['pg2', 'pg3']);
    end('c1').answerLast({ kind: 'events', from: 0 });
    reader.take([event(5)], channel);
    expect(reader.sequence).toBe(3);
  });

  it('asks again for what came in one piece with the answer, before that was read', async () => {
    const source = stream();
    const [channel] = controllers.channels;
    if (channel === undefined) throw new Error('no channel');
    source.take([event(1), event(2)], channel);
    const { state } = source;
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    const reader = stream();
    reader.readFrom(channel);
    end('c1').answerLast({ kind: 'state', state, protocol: PROTOCOL_MAX });
    reader.take([event(3)], channel);
    const asked = () => end('c1').asked.map(({ body }) => body);
    await expect.poll(asked, { timeout: 20_000 }).toEqual([{ sequence: 0 }, { sequence: 2 }]);
    reader.take([event(3)], channel);
    expect(reader.sequence).toBe(3);
  });

  it.each([
    ['does not answer any more', () => end('c1').events.onDown('reset')],
    ['answers late', () => end('c1').answerLast({ kind: 'events', from: 0 })],
  ])('asks whoever leads since, once the one before %s', async (_what, endOfFirst) => {
    const reader = stream();
    const [before, since] = controllers.channels;
    if (before === undefined || since === undefined) throw new Error('no channels');
    reader.readFrom(before);
    reader.readFrom(since);
    expect(end('c2').asked).toEqual([]);
    endOfFirst();
    const asked = () => end('c2').asked.map(({ pattern }) => pattern);
    await expect.poll(asked, { timeout: 20_000 }).toEqual(['subscribe']);
    expect(reader.source).toBe(since);
    end('c2').answerLast({ kind: 'events', from: 0 });
    reader.take([event(1)], since);
    expect(reader.sequence).toBe(1);
  });

  it('takes events on although its disk takes no copy of them', () => {
    const [channel] = controllers.channels;
    if (channel === undefined) throw new Error('no channel');
    const reader = new EventStream(
      new FoldedStateFile(join(directory, 'full')),
      log,
      () => undefined,
    );
    reader.take([event(1)], channel);
    reader.take([event(2)], channel);
    expect(reader.sequence).toBe(2);
  });

  it('goes on from its file after a restart, and from nothing when that is unreadable', () => {
    const [channel] = controllers.channels;
    if (channel === undefined) throw new Error('no channel');
    stream().take([event(1), event(2)], channel);
    expect(stream().sequence).toBe(2);
  });

  describe('of controllers that are newer', () => {
    const OWN = 2;

    function readerOf(file = new FoldedStateFile(directory, OWN)): EventStream {
      return new EventStream(file, log, () => undefined, new Understanding(log, OWN));
    }

    it.each([
      ['an event', { type: 'PrimaryShrunk' }],
      ['a field', { ...event(3).event, quorumWeight: 2 }],
    ])('folds what came before %s that it does not know, and nothing after', (_what, strange) => {
      const [channel] = controllers.channels;
      if (channel === undefined) throw new Error('no channel');
      const reader = readerOf();
      const newer = { ...event(3), event: strange } as RecordedEvent;
      reader.take([event(1), event(2), newer, event(4)], channel);
      expect(reader.sequence).toBe(2);
      expect(reader.understanding.problem).toMatch(
        /speaks the protocol up to level 2, its controllers have recorded .*'(PrimaryShrunk|InstanceJoined)'.*install the version/,
      );
    });

    it('takes no whole state that may hold what it does not know, not even from its own file', async () => {
      const [channel] = controllers.channels;
      if (channel === undefined) throw new Error('no channel');
      const newer = new FoldedStateFile(directory, OWN + 1);
      readerOf(newer).take([event(1), event(2)], channel);
      const state = newer.read();
      expect(state?.sequence).toBe(2);
      const reader = readerOf();
      expect(reader.sequence).toBe(0);
      reader.readFrom(channel);
      end('c1').answerLast({ kind: 'state', state, protocol: OWN + 1 });
      await expect
        .poll(() => reader.understanding.problem, { timeout: 20_000 })
        .toMatch(/its controllers are at level 3: it acts on nothing/);
      expect(reader.state).toBeNull();
      reader.readFrom(channel);
      end('c1').answerLast({ kind: 'state', state, protocol: OWN });
      await expect.poll(() => reader.sequence, { timeout: 20_000 }).toBe(2);
      expect(reader.understanding.problem).toBeNull();
    });
  });
});

describe('Confirmations', () => {
  it('covers exactly the sequence that the leader named last', () => {
    const confirmations = new Confirmations(
      ...([controllers, log] as const),
      () => undefined,
      () => 0,
    );
    const of = (sequence: number, controllersIncarnation = 'a') =>
      confirmations.note({ version: sequence, sequence, controllersIncarnation });
    expect(confirmations.covers(0)).toBe(false);
    of(5);
    of(4);
    expect([4, 5, 6].map((sequence) => confirmations.covers(sequence))).toEqual([
      false,
      true,
      false,
    ]);
    of(2, 'restored');
    expect(confirmations.covers(2)).toBe(true);
  });

  it('covers nothing once the word is old, and tells when it is given anew (safety 4)', () => {
    let nowMs = 1_000;
    let told = 0;
    const confirmations = new Confirmations(
      ...([controllers, log] as const),
      () => {
        told += 1;
      },
      () => nowMs,
    );
    const word = { version: 5, sequence: 5, controllersIncarnation: 'a' };
    confirmations.note(word);
    expect([confirmations.covers(5), told]).toEqual([true, 1]);
    nowMs += CONFIRMATION_AGE_MAX_MS;
    confirmations.note(word);
    expect([confirmations.covers(5), told]).toEqual([true, 1]);
    nowMs += CONFIRMATION_AGE_MAX_MS + 1;
    expect(confirmations.covers(5)).toBe(false);
    confirmations.note(word);
    expect([confirmations.covers(5), told]).toEqual([true, 2]);
  });
});
