import { describe, expect, it, vi } from 'vitest';
import { type ClusterState, DEFAULT_SETTINGS, emptyState } from '#libs/cluster';
import {
  type Clock,
  clusterName,
  epoch,
  epochMs,
  guardIncarnation,
  instanceName,
  monotonicMs,
  timelineId,
} from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import { DecisionLoop, type DecisionLoopOptions } from './decision-loop.ts';
import { Service } from './service.ts';

const CLOCK: Clock = {
  nowMs: () => epochMs(0),
  monotonicMs: () => monotonicMs(0),
  bootMs: () => monotonicMs(0),
};
const TURN_ITEMS = 512;

describe('clusters at rest', () => {
  it('a few are all asked within four ticks', () => {
    const leader = new Leader(3, true);
    for (let tick = 0; tick < 4; tick += 1) leader.tick();
    expect(leader.asked()).toEqual(['s0', 's1', 's2']);
  });

  it('thousands are asked in slices, the more of them the more seldom, until each has its turn in 160 ticks', () => {
    const some = new Leader(640, true);
    expect(Array.from({ length: 20 }, () => some.tick())).toEqual(Array(20).fill(32));
    expect(new Set(some.asked()).size).toBe(640);
    const leader = new Leader(9_600, true);
    expect(Array.from({ length: 160 }, () => leader.tick())).toEqual(Array(160).fill(60));
    expect(new Set(leader.asked()).size).toBe(9_600);
  });
});

it('a cluster whose renewals stay away is found with its turn, and asked at each tick from then on', () => {
  const leader = new Leader(3, true);
  leader.allChanged();
  leader.turn();
  leader.pass(900);
  for (let tick = 0; tick < 4; tick += 1) leader.tick();
  expect(leader.tick()).toBe(3);
  expect(leader.tick()).toBe(3);
});

describe('clusters of which something is under way', () => {
  it('are all asked at each tick', () => {
    const leader = new Leader(200, false);
    leader.allChanged();
    expect(leader.turn()).toBe(200);
    expect(leader.tick()).toBe(200);
    expect(leader.tick()).toBe(200);
  });

  it('are asked in turn when they are many, so that the leader has time for what ends it', () => {
    const leader = new Leader(1_200, false);
    leader.allChanged();
    while (leader.turn() > 0);
    leader.forgetAsked();
    const perTick = Array.from({ length: 5 }, () => leader.tick());
    expect(perTick).toEqual([240, 240, 240, 240, 240]);
    expect(new Set(leader.asked()).size).toBe(1_200);
  });

  it('are asked in as many turns as it takes when something was heard of all', () => {
    const leader = new Leader(1_200, false);
    leader.allChanged();
    expect(leader.turn()).toBe(TURN_ITEMS);
    expect(leader.turn()).toBe(TURN_ITEMS);
    expect(leader.turn()).toBe(1_200 - 2 * TURN_ITEMS);
    expect(leader.turn()).toBe(0);
    expect(new Set(leader.asked()).size).toBe(1_200);
    expect(leader.turnsWanted).toBe(2);
  });
});

it('a decision is in the log in words too, for whom the types of the events say too little', () => {
  const leader = new Leader(1, true);
  leader.decided('s0', 'PrimaryResumed');
  expect(leader.log.info).toHaveBeenCalledWith('decided', {
    ...{ cluster: 's0', rule: 'record-serving', version: 7 },
    ...{ events: ['PrimaryResumed'], told: ['s0: PrimaryResumed in words'] },
  });
});

/** A leader of many clusters whose primaries renew. */
class Leader {
  turnsWanted = 0;
  readonly #loop: DecisionLoop;
  readonly #asks;
  readonly #time = new CappedTime(100, monotonicMs(0));
  #nowMs = 0;
  readonly log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };

  constructor(count: number, serving: boolean) {
    const states = Array.from({ length: count }, (_, at) => heldCluster(`s${at}`, serving));
    const byName = new Map(states.map((state) => [state.name, state]));
    const service = new Service(1, this.#time, CLOCK, states);
    this.#asks = vi.spyOn(service.observations, 'of');
    const store = {
      clusters: () => states,
      cluster: (name: ClusterState['name']) => byName.get(name) ?? null,
      protocol: 1,
    };
    const schedule = (): void => {
      this.turnsWanted += 1;
    };
    const host = { store, schedule } as unknown as DecisionLoopOptions['host'];
    const sentence = (cluster: string, { type }: { type: string }) =>
      `${cluster}: ${type} in words`;
    this.#loop = new DecisionLoop({
      ...{ host, clock: CLOCK, log: this.log, sentence },
      service: () => service,
    });
  }

  /** @returns how many were asked in the turn */
  tick(): number {
    this.#loop.ticked();
    return this.turn();
  }

  pass(ms: number): void {
    for (const end = this.#nowMs + ms; this.#nowMs < end; ) {
      this.#nowMs += 50;
      this.#time.turn(monotonicMs(this.#nowMs), true);
    }
  }

  allChanged(): void {
    this.#loop.allChanged();
  }

  turn(): number {
    const before = this.#asks.mock.calls.length;
    this.#loop.run();
    return this.#asks.mock.calls.length - before;
  }

  /** It was committed. */
  decided(cluster: string, type: string): void {
    const decision = { rule: 'record-serving', events: [{ type }] };
    const pending = { cluster, decision } as unknown as Parameters<DecisionLoop['settled']>[0];
    const applied = { result: { type: 'appended', version: 7 } };
    this.#loop.settled(pending, applied as unknown as Parameters<DecisionLoop['settled']>[1]);
  }

  forgetAsked(): void {
    this.#asks.mockClear();
  }

  asked(): string[] {
    return this.#asks.mock.calls.map(([cluster]) => cluster).sort();
  }
}

function heldCluster(name: string, serving: boolean): ClusterState {
  const postgres = { superuser: 'a', replicationUser: 'b', rewindUser: 'c' };
  const state = emptyState(clusterName(name), DEFAULT_SETTINGS, {
    ...{ ...postgres, parameters: {}, pgHba: [] },
  });
  return {
    ...state,
    lease: {
      kind: 'Held',
      epoch: epoch(1),
      holder: instanceName('pg1'),
      guard: guardIncarnation('g'),
      timeline: timelineId(1),
      reason: 'bootstrap',
      serving,
      released: null,
      changedAt: epochMs(0),
    },
  };
}
