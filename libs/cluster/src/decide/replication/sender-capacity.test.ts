import { describe, expect, it } from 'vitest';
import { hostLost, named, primaryOn, runningCluster, type Scenario } from '#libs/testing';
import { DEFAULT_REBUILD_POLICY } from '../../rebuild/policy.ts';
import type { SlotReport } from '../../replication/slot-policy.ts';
import type { AgentReport } from '../../report.ts';

const server = (settings: Readonly<Record<string, number>>) => ({
  server: { versionNum: 150_018, settings, collation: null },
});
const slot = (name: string): SlotReport => ({
  ...{ name, type: 'physical', active: false, retainedBytes: null },
  ...{ walStatus: null, safeBytes: null },
});
const asks: Partial<AgentReport> = {
  dataDirectory: { kind: 'empty' },
  rebuild: {
    ...{ wants: 'nothing is there', order: null, phase: 'waiting', method: null, failures: [] },
    ...{ doneBytes: 0n, totalBytes: null, bytesPerSecond: null, secondsLeft: null, tookMs: 0 },
  },
};
const switchover = (scenario: Scenario) =>
  scenario.command({ type: 'switchover', to: named('pg2') });

describe('a switchover', () => {
  it('is refused before anything stops when the others could not stream from the target', () => {
    const scenario = runningCluster().hears('pg2', server({ max_wal_senders: 1 }));
    expect(switchover(scenario)).toEqual({
      kind: 'refused',
      refusals: [
        {
          ...{ instance: 'pg2', rule: 'too-few-walsenders' },
          ...{ value: 'max_wal_senders = 1', limit: '2, for pg1, pg3' },
        },
      ],
    });
    expect(scenario.state.operation).toEqual({ kind: 'none' });
    expect(switchover(scenario.hears('pg2', server({ max_wal_senders: 2 }))).kind).toBe('decided');
  });

  it('counts the slots of others, and each slot of a member once', () => {
    const slots = [slot('debezium'), slot('reports'), slot('pg1')];
    const settings = { max_wal_senders: 10, max_replication_slots: 3 };
    const scenario = runningCluster().hears('pg2', { ...server(settings), slots });
    expect(switchover(scenario)).toMatchObject({
      refusals: [
        {
          rule: 'too-few-slots',
          value: 'max_replication_slots = 3, 2 of them not of members',
          limit: '4, with those of pg1, pg3',
        },
      ],
    });
    scenario.hears('pg2', { ...server({ ...settings, max_replication_slots: 4 }), slots });
    expect(switchover(scenario).kind).toBe('decided');
  });

  it('does not refuse for what nobody told, and a failover not at all', () => {
    expect(switchover(runningCluster()).kind).toBe('decided');
    const scenario = runningCluster().hears('pg2', server({ max_wal_senders: 0 }));
    expect(hostLost(scenario, 'pg1').settle()).toContain('expire-lease');
  });
});

describe('a rebuild by pg_basebackup alone', () => {
  const rebuild = (scenario: Scenario, method: 'basebackup' | 'pgbackrest') =>
    scenario.command({
      ...{ type: 'rebuild', instance: named('pg3'), method, from: null, force: false },
    });

  it('is refused while the primary has no walsenders left for it', () => {
    const scenario = runningCluster().hears('pg1', {
      ...server({ max_wal_senders: 1 }),
      postgres: primaryOn(1),
    });
    expect(rebuild(scenario, 'basebackup')).toMatchObject({
      refusals: [
        {
          rule: 'no-free-walsender',
          value: 'max_wal_senders = 1, 0 in use',
          limit: '2 free for pg_basebackup',
        },
      ],
    });
    expect(rebuild(scenario, 'pgbackrest').kind).toBe('decided');
  });

  it('is not begun by itself either, and is once there are some', () => {
    const scenario = runningCluster().hears('pg3', asks);
    const { state } = scenario;
    const rebuild = { ...DEFAULT_REBUILD_POLICY, methods: ['pg_rewind', 'basebackup'] as const };
    scenario.state = { ...state, postgres: { ...state.postgres, rebuild } };
    scenario.hears('pg1', { ...server({ max_wal_senders: 1 }), postgres: primaryOn(1) });
    expect(scenario.settle()).toContain('refuse-rebuild');
    expect(scenario.types).not.toContain('RebuildStarted');
    expect(scenario.last('ActionRefused').refusals).toEqual([
      {
        ...{ instance: 'pg3', rule: 'no-free-walsender' },
        ...{ value: 'pg1: max_wal_senders = 1, 0 in use', limit: '2 free for pg_basebackup' },
      },
    ]);
    scenario.hears('pg1', { ...server({ max_wal_senders: 2 }), postgres: primaryOn(1) });
    expect(scenario.settle()).toContain('order-rebuild');
  });

  it('is begun when there is another method', () => {
    const full = { ...server({ max_wal_senders: 1 }), postgres: primaryOn(1) };
    const scenario = runningCluster().hears('pg3', asks).hears('pg1', full);
    const { state } = scenario;
    const rebuild = { ...DEFAULT_REBUILD_POLICY, methods: ['pgbackrest', 'basebackup'] as const };
    scenario.state = { ...state, postgres: { ...state.postgres, rebuild } };
    expect(scenario.settle()).toContain('order-rebuild');
  });
});
