import { describe, expect, it } from 'vitest';
import { type ClusterState, DEFAULT_SETTINGS } from '#libs/cluster';
import { epoch, epochMs, monotonicMs } from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import { holding, runningCluster } from '#libs/testing';
import { missesRenewals } from './at-rest.ts';
import {
  answerTo,
  crowdIntervalMs,
  RENEWALS_PER_SECOND,
  renewalDueMs,
} from './renewal-interval.ts';
import { Service } from './service.ts';

/** A leader of `guards` clusters, all like the one that is asked about. */
function leaderOf(guards: number, settings: Partial<typeof DEFAULT_SETTINGS> = {}) {
  const scenario = runningCluster(settings);
  let nowMs = 10;
  const clock = {
    nowMs: () => epochMs(nowMs),
    monotonicMs: () => monotonicMs(nowMs),
    bootMs: () => monotonicMs(nowMs),
  };
  const time = new CappedTime(100, monotonicMs(0));
  const service = new Service(1, time, clock, [scenario.state]);
  const joined = (from: number, to: number): void => {
    const { incarnation: guard } = holding('pg1', 1);
    for (let other = from; other < to; other += 1) {
      const lease = { cluster: `other${other}`, epoch: epoch(1), guard, terms: DEFAULT_SETTINGS };
      service.leases.follow(lease.cluster, lease, monotonicMs(10));
    }
  };
  joined(1, guards);
  const pass = (ms: number): void => {
    for (const end = nowMs + ms; nowMs < end; nowMs += 50) time.turn(monotonicMs(nowMs), true);
  };
  const asked = () => crowdIntervalMs(service, scenario.state, RENEWALS_PER_SECOND);
  return { scenario, service, joined, pass, asked };
}

describe('how often a guard is asked to renew', () => {
  it.each([
    { guards: 2_240, asked: null },
    { guards: 2_241, asked: 401 },
    { guards: 5_000, asked: 893 },
    { guards: 50_000, asked: 900 },
  ])('by a leader of $guards: $asked ms', ({ guards, asked }) => {
    expect(leaderOf(guards).asked()).toBe(asked);
  });

  it.each([
    { why: 'commits wait for standbys', settings: { synchronousMode: 'quorum' } as const },
    { why: 'members may have to promise in time', settings: { failsafe: true } },
    {
      why: 'there are only just enough renewals in a right',
      settings: { leaseTtlMs: 2_700, renewIntervalMs: 800 },
    },
  ])('is as its settings say where $why', ({ settings }) => {
    expect(leaderOf(6_000, settings).asked()).toBeNull();
  });

  it('is as its settings say while anything is under way', () => {
    const { scenario, asked } = leaderOf(5_000);
    scenario.command({ type: 'failover', to: null, acceptLoss: false });
    expect(asked()).toBeNull();
  });
});

function answered(service: Service, state: ClusterState, inEpoch: number): void {
  const told = { epoch: epoch(inEpoch), crowdIntervalMs: 800 };
  service.answered.set(state.name, { ...told, state, soughtMs: 800 });
}

it('is worked out once for all answers, until the cluster changes or the guards are more', () => {
  const { service, scenario, joined } = leaderOf(5_000);
  const answer = () => answerTo(service, scenario.state, epoch(1), RENEWALS_PER_SECOND);
  const first = answer();
  expect(first.crowdIntervalMs).toBe(893);
  expect(answer()).toBe(first);
  scenario.command({ type: 'pause' });
  expect(answer()).not.toBe(first);
  joined(5_000, 5_020);
  expect(answer().crowdIntervalMs).toBe(897);
});

describe('a renewal that was to come later', () => {
  it('is missed that much later', () => {
    const { scenario, service, pass } = leaderOf(1);
    answered(service, scenario.state, 1);
    expect(renewalDueMs(service, scenario.state)).toBe(800);
    pass(1_150);
    expect(missesRenewals(service, scenario.state)).toBe(false);
    pass(200);
    expect(missesRenewals(service, scenario.state)).toBe(true);
  });

  it('is not awaited later in an epoch of which it was not said', () => {
    const { scenario, service, pass } = leaderOf(1);
    answered(service, scenario.state, 2);
    pass(600);
    expect(missesRenewals(service, scenario.state)).toBe(true);
  });
});
