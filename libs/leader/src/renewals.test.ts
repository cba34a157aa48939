import { describe, expect, it } from 'vitest';
import { clusterName, epoch, epochMs, lsnOf, monotonicMs, timelineId } from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import { holding, named, runningCluster } from '#libs/testing';
import { answerTo, RENEWALS_PER_SECOND } from './renewal-interval.ts';
import { Renewals } from './renewals.ts';
import type { ReplicatedLog } from './replicated-log.ts';
import { Service } from './service.ts';

const CLUSTER = clusterName('demo');
const PG1 = { cluster: CLUSTER, instance: named('pg1') };

/** A leader of whose state, observations and turns alone is asked. */
function leading() {
  const scenario = runningCluster();
  let turns = 0;
  const host = {
    store: { cluster: () => scenario.state },
    confirm: () => undefined,
    schedule: () => {
      turns += 1;
    },
  } as unknown as ReplicatedLog;
  const now = monotonicMs(10);
  const clock = { nowMs: () => epochMs(10), monotonicMs: () => now, bootMs: () => now };
  const service = new Service(1, new CappedTime(100, monotonicMs(0)), clock, [scenario.state]);
  const renewals = new Renewals(host, () => service);
  const renew = (lsn: bigint, incarnation = holding('pg1', 1).incarnation) =>
    renewals.accept(service, { guard: 'demo/pg1', answer: () => undefined }, PG1, {
      ...({
        type: 'renew',
        incarnation,
        epoch: epoch(1),
        nonce: 1,
        postmaster: 'running',
      } as const),
      position: { timeline: timelineId(1), lsn: lsnOf(lsn) },
      agentAbsentMs: 0,
    });
  return { scenario, service, observations: service.observations, renew, turns: () => turns };
}

describe('the position that comes with a renewal', () => {
  it('is known also when the renewal is refused since a failover is to end its lease', () => {
    const { scenario, observations, renew } = leading();
    scenario.command({ type: 'failover', to: null, acceptLoss: false });
    expect(scenario.state.operation.kind).toBe('failover');
    renew(170n);
    expect(observations.lastKnown(CLUSTER)).toMatchObject({ timeline: 1, lsn: 170n });
  });

  it('is nothing when it comes from another guard than the one that holds the lease', () => {
    const { scenario, observations, renew } = leading();
    scenario.command({ type: 'failover', to: null, acceptLoss: false });
    renew(170n, holding('pg1', 1, 'pg1-g2').incarnation);
    expect(observations.lastKnown(CLUSTER)).toBeNull();
  });
});

describe('what a renewal costs the leader', () => {
  it('is a turn at once when this leader has not answered its epoch yet', () => {
    const { renew, turns } = leading();
    renew(170n);
    expect(turns()).toBe(1);
  });

  it('is no turn of its own afterwards, until a crowd waits', () => {
    const { scenario, service, renew, turns } = leading();
    answerTo(service, scenario.state, epoch(1), RENEWALS_PER_SECOND);
    for (let sent = 1; sent < 96; sent += 1) renew(170n);
    expect(turns()).toBe(0);
    renew(170n);
    expect(turns()).toBe(1);
  });
});
