import { describe, expect, it } from 'vitest';
import { clusterName, epoch, lsnOf, monotonicMs, timelineId } from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import { holding, named, runningCluster } from '#libs/testing';
import { ObservationTable } from './observations.ts';
import { Renewals } from './renewals.ts';
import type { ReplicatedLog } from './replicated-log.ts';
import type { Service } from './service.ts';

const CLUSTER = clusterName('demo');
const PG1 = { cluster: CLUSTER, instance: named('pg1') };

/** A leader of whose state, observations and clock alone is asked. */
function leading() {
  const scenario = runningCluster();
  const observations = new ObservationTable(new CappedTime(100, monotonicMs(0)), monotonicMs(0));
  const host = {
    store: { cluster: () => scenario.state },
    confirm: () => undefined,
  } as unknown as ReplicatedLog;
  const service = {
    observations,
    clock: { monotonicMs: () => monotonicMs(10) },
  } as unknown as Service;
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
  return { scenario, observations, renew };
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
