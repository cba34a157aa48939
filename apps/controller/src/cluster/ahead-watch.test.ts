import { beforeEach, describe, expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { clusterName, epochMs, monotonicMs } from '#libs/kernel';
import type { Log } from '../log.ts';
import { AheadWatch, type AheadWatchParts } from './ahead-watch.ts';
import { PeerClocks } from './peer-clocks.ts';

const NOON = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

let [wall, monotonic] = [0, 0];
let lastEvents: Record<string, number>;
let warned: unknown[];
let jumps: [string, number][];
let clocks: PeerClocks;
let watch: AheadWatch;

const leads = (term: number) => ({
  term,
  observations: {
    clockJumped: (names: readonly string[], jumpMs: number) =>
      void jumps.push(...names.map((name): [string, number] => [name, jumpMs])),
  },
});

beforeEach(() => {
  [wall, monotonic] = [NOON, 500];
  lastEvents = {};
  warned = [];
  jumps = [];
  const clock = { nowMs: () => epochMs(wall), monotonicMs: () => monotonicMs(monotonic) };
  const store = {
    clusters: () =>
      Object.entries(lastEvents).map(
        ([name, at]) => ({ name: clusterName(name), lastEventAt: epochMs(at) }) as ClusterState,
      ),
  };
  const status = () => ({ membership: { members: [{ id: 1 }, { id: 2 }, { id: 3 }] } });
  const log = { warn: (said: string, fields: object) => warned.push({ said, ...fields }) };
  clocks = new PeerClocks(clock);
  const host = { store, status } as unknown as AheadWatchParts['host'];
  watch = new AheadWatch({ host, clock, clocks, log: log as unknown as Log });
});

/** Both others, whose clocks are so far behind this one, are heard twice. */
function hearsOthersBehind(ms: number): void {
  for (const peer of [2, 3, 2, 3]) clocks.heard(peer, epochMs(wall - ms));
}

describe('a leader whose clock is ahead of the others (safety 23)', () => {
  it('says so once, and in the events of each cluster whose log time was true until then', () => {
    lastEvents = { idle: NOON - 2 * HOUR_MS, ahead: NOON - 1_000 };
    hearsOthersBehind(HOUR_MS);
    watch.began(leads(4));
    watch.look(leads(4));
    expect(warned).toEqual([
      {
        said: 'the wall clock is ahead of those of most controllers',
        ...{ wallAt: new Date(NOON).toISOString(), aheadMs: HOUR_MS },
      },
    ]);
    expect(jumps).toEqual([['idle', HOUR_MS]]);
    watch.began(leads(6));
    expect(warned).toHaveLength(2);
  });

  it('says so as soon as enough of them are known, of what it recorded meanwhile too', () => {
    watch.began(leads(4));
    expect(warned).toEqual([]);
    wall += 5_000;
    monotonic += 5_000;
    lastEvents = { main: NOON + 2_000, orders: NOON - 1_000 };
    hearsOthersBehind(HOUR_MS);
    watch.look(leads(4));
    expect(jumps).toEqual([['main', HOUR_MS]]);
  });

  it.each([999, 0, -HOUR_MS])('says nothing where it is %i ms ahead', (ms) => {
    lastEvents = { idle: NOON - 2 * HOUR_MS };
    hearsOthersBehind(ms);
    watch.began(leads(4));
    expect([warned, jumps]).toEqual([[], []]);
  });
});
