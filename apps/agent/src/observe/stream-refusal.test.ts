import { expect, it } from 'vitest';
import { epochMs, instanceName, lsnOf, timelineId } from '#libs/kernel';
import type { ReachableInstance } from '#libs/postgres-run';
import { runningCluster } from '#libs/testing';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { StreamRefusal } from './stream-refusal.ts';

const { state } = runningCluster();
const local = { config: { instance: instanceName('pg2') }, credentials: {} } as LocalInstance;
const place = { timeline: timelineId(1), replayedLsn: lsnOf(100n), replayPaused: false };
const receiver = { pid: 7, receivedTimeline: timelineId(1), conninfo: {} };

function standby(status: string | null): ReachableInstance {
  const streams = status === null ? {} : { receiver: { ...receiver, status } };
  return {
    ...{ kind: 'reachable', systemIdentifier: '7', version: { major: 15, minor: 0 } },
    ...{ postmasterStartedAt: epochMs(1), observedAt: epochMs(2), tookMs: 1 },
    ...{ replicas: [], slots: [], settings: {}, pendingRestart: [] },
    role: { kind: 'standby', ...place, ...streams },
  };
}

function watching(why: string | null) {
  const asked: string[] = [];
  const watch = new StreamRefusal(local, (_state, { name }) => {
    asked.push(name);
    return Promise.resolve(why);
  });
  const look = async (status: string | null, nowMs: number) => {
    watch.look(state, standby(status), nowMs);
    await new Promise(setImmediate);
    return watch.problem;
  };
  return { asked, look };
}

it('says why a standby does not stream, once that has lasted, until it does', async () => {
  const { asked, look } = watching('role "replicator" does not exist');
  expect(await look(null, 0)).toBeNull();
  expect(await look('starting', 5_000)).toBeNull();
  expect(await look(null, 6_000)).toBe(
    'does not stream from pg1: role "replicator" does not exist',
  );
  await look(null, 7_000);
  expect(asked).toEqual(['pg1']);
  expect(await look('streaming', 8_000)).toBeNull();
  expect(await look(null, 13_000)).toBeNull();
});

it('says nothing of itself where nothing refuses it', async () => {
  const { asked, look } = watching(null);
  await look(null, 0);
  expect(await look(null, 6_000)).toBeNull();
  expect(asked).toEqual(['pg1']);
});
