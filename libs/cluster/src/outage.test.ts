import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAt,
  holding,
  hostLost,
  named,
  primaryOn,
  runningCluster,
  type Scenario,
  standbyAt,
} from '#libs/testing';

describe('the ledger of a failover', () => {
  it('tells each phase, what was lost, and when all standbys streamed again', () => {
    const scenario = failedOver();
    expect(scenario.state.lastOutage).toMatchObject({
      ...{ number: 1, kind: 'failover', trigger: 'lease-expired', outcome: 'completed' },
      ...{ from: 'pg1', to: 'pg3', epoch: 1, attempts: 1, lostBytes: 5n, followMs: null },
      phasesMs: { detect: 3_161, decide: 0, detach: 40, choose: 0, grant: 10, promote: 30 },
    });
    scenario.later(500);
    followsOn2(scenario, 'pg2');
    expect(scenario.settle()).toEqual([]);
    followsOn2(scenario.later(500), 'pg1');
    expect(scenario.settle()).toEqual(['record-followers']);
    expect(scenario.last('StandbysFollowed')).toMatchObject({ standbys: ['pg1', 'pg2'] });
    expect(scenario.state.lastOutage).toMatchObject({ followMs: 1_000 });
    expect(scenario.settle()).toEqual([]);
  });

  it('tells what waiting for a standby cost that gave no proof', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.later(1_500).hears('pg2', { detached: detachedAt(1, 1, 90n) });
    proofAged(scenario, 'pg2', 1_460);
    scenario.settle();
    expect(scenario.last('LeaseGranted').timing).toEqual({ detachMs: 40, chooseMs: 1_460 });
  });

  it('is one entry when the first candidate could not be promoted', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 90n) });
    scenario.settle();
    scenario.later(3_000).settle();
    expect(scenario.state.lastOutage).toMatchObject({ number: 1, attempts: 2, outcome: 'running' });
    expect(scenario.state.lastOutage).toMatchObject({ to: null, trigger: 'lease-expired' });
    expect(scenario.state.lastOutage?.phasesMs).toMatchObject({ detect: 3_161 });
  });
});

describe('WAL that the old primary had written alone', () => {
  it('is recorded once, in the ledger too, and makes no decision stale', () => {
    const scenario = failedOver();
    const position = { timeline: 1, lsn: 95n } as never;
    const wal = {
      ...{ keptAt: 7, path: '/lost/7', from: position, to: position, keptBytes: 1 },
      ...{ truncated: false, committed: 3, aborted: 0, firstCommit: null, lastCommit: null },
      ...{ relations: [], moreRelations: 0 },
    };
    const { version } = scenario.state;
    scenario.hears('pg1', { divergedWal: wal });
    expect(scenario.settle()).toEqual(['record-diverged-wal']);
    expect(scenario.settle()).toEqual([]);
    expect(scenario.state.lastOutage?.divergedWal).toEqual(wal);
    expect(scenario.state.version).toBe(version);
    scenario.hears('pg1', { divergedWal: { ...wal, keptAt: 8 } });
    expect(scenario.settle()).toEqual(['record-diverged-wal']);
  });
});

describe('the ledger of a switchover', () => {
  it('keeps one that was given up, and counts on', () => {
    const scenario = failedOver();
    for (const name of ['pg1', 'pg2']) followsOn2(scenario, name);
    scenario.settle();
    scenario.command({ type: 'switchover', to: named('pg1') });
    scenario.hears('pg3', { abandonedHandOver: 2 as never, actedVersion: scenario.state.version });
    scenario.settle();
    expect(scenario.state.lastOutage).toMatchObject({
      ...{ number: 2, kind: 'switchover', trigger: null, from: 'pg3', to: 'pg1' },
      ...{ outcome: 'given-up', reason: 'pg3 serves on: it could not stop within its budget' },
    });
  });
});

/** pg1's host is lost, pg3 stands furthest and serves on timeline 2. */
function failedOver(): Scenario {
  const scenario = hostLost(runningCluster(), 'pg1');
  scenario.settle();
  scenario.later(40);
  scenario.hears('pg2', { detached: detachedAt(1, 1, 90n) });
  scenario.hears('pg3', { detached: detachedAt(1, 1, 95n) });
  proofAged(scenario, 'pg3', 0);
  scenario.settle();
  const { pg3 } = scenario.later(40).observations.instances;
  if (pg3 === undefined) throw new Error('pg3 was observed');
  const held = { epoch: 2, ageMs: 30 };
  scenario.with({ instances: { ...scenario.observations.instances, pg3: { ...pg3, held } } });
  const data = dataOn(2, [[1, 95n]]);
  const serving = { guard: holding('pg3', 2), postgres: primaryOn(2), dataDirectory: data };
  scenario.hears('pg3', serving).settle();
  return scenario;
}

function proofAged(scenario: Scenario, name: string, detachedAgeMs: number): void {
  const { instances } = scenario.observations;
  const before = instances[name];
  if (before === undefined) throw new Error(`${name} was observed`);
  scenario.with({ instances: { ...instances, [name]: { ...before, detachedAgeMs } } });
}

function followsOn2(scenario: Scenario, name: string): void {
  const dataDirectory = dataOn(2, [[1, 95n]]);
  scenario.hears(name, { dataDirectory, postgres: standbyAt(2, 100n), detached: null });
}
