import { describe, expect, it } from 'vitest';
import { named, reportOf, runningCluster, standbyAt, walAt } from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import type { SlotReport } from '../../replication/slot-policy.ts';
import { standingsOf } from '../candidates/standing.ts';

const TAGS = reportOf('pg1').tags;
const MINUTE_MS = 60_000;

function upstreamOfGoal(scenario: ReturnType<typeof runningCluster>, name: string): string {
  const goal = goalOf(scenario.state, named(name));
  return goal.kind === 'standby' ? (goal.upstream?.name ?? 'the archive') : goal.kind;
}

function slot(change: Partial<SlotReport>): SlotReport {
  const sizes = { retainedBytes: 10n, safeBytes: 90n, walStatus: 'reserved' };
  return { name: 'pg2', type: 'physical', active: false, ...sizes, ...change };
}

describe('a member that replicates from another', () => {
  it('follows the primary until the other one streams, then that one, and back when it is lost', () => {
    const scenario = runningCluster();
    scenario.hears('pg3', { tags: { ...TAGS, replicateFrom: 'pg2' } }).settle();
    expect(upstreamOfGoal(scenario, 'pg3')).toBe('pg1');
    scenario.later(2_500).settle();
    expect(scenario.last('UpstreamReady').instance).toBe('pg2');
    expect(upstreamOfGoal(scenario, 'pg3')).toBe('pg2');
    scenario.silent('pg2').settle();
    expect(scenario.last('UpstreamLost')).toMatchObject({ instance: 'pg2' });
    expect(upstreamOfGoal(scenario, 'pg3')).toBe('pg1');
    scenario.hears('pg2').later(2_500).settle();
    expect(upstreamOfGoal(scenario, 'pg3')).toBe('pg2');
  });

  it('is copied and rewound from the primary whoever it streams from', () => {
    const scenario = runningCluster();
    scenario.hears('pg3', { tags: { ...TAGS, replicateFrom: 'pg2' } }).settle();
    scenario.later(2_500).settle();
    const goal = goalOf(scenario.state, named('pg3'));
    expect(goal).toMatchObject({ upstream: { name: 'pg2' }, source: { name: 'pg1' } });
  });

  it('never streams in a loop: both go to the primary', () => {
    const scenario = runningCluster();
    scenario.hears('pg2', { tags: { ...TAGS, replicateFrom: 'pg3' } });
    scenario.hears('pg3', { tags: { ...TAGS, replicateFrom: 'pg2' } }).settle();
    scenario.later(2_500).settle();
    expect(['pg2', 'pg3'].map((name) => upstreamOfGoal(scenario, name))).toEqual(['pg1', 'pg1']);
  });

  it('follows a new primary itself until the other one is seen to follow it', () => {
    const scenario = runningCluster();
    scenario.hears('pg3', { tags: { ...TAGS, replicateFrom: 'pg2' } }).settle();
    scenario.later(2_500).settle();
    scenario.command({ type: 'switchover', to: named('pg3') });
    const epoch = scenario.state.lease.kind === 'Held' ? scenario.state.lease.epoch : 0;
    expect(epoch).toBe(1);
    expect(scenario.state.readyUpstreams).toEqual(['pg2']);
    scenario.releases('hand-over', walAt(1, 100n)).settle();
    expect(scenario.last('LeaseGranted').holder).toBe('pg3');
    expect(scenario.state.readyUpstreams).toBeUndefined();
  });
});

describe('candidates', () => {
  it('a delayed standby and one without streaming are none, unless an operator names them', () => {
    const scenario = runningCluster();
    const { settings, postgres } = scenario.state;
    scenario.hears('pg3', { tags: { ...TAGS, noStream: true } }).settle();
    const instances = { pg2: { recovery_min_apply_delay: '1h' } };
    const overrides = { primary: {}, standby: {}, instances };
    const configuration = {
      settings,
      parameters: {},
      pgHba: postgres.pgHba,
      pgIdent: [],
      overrides,
    };
    scenario.command({ type: 'configure', configuration, expectedRevision: null, comment: null });
    const rules = standingsOf(scenario.input).map(({ refusals }) => refusals[0]?.rule);
    expect(rules).toEqual(['delayed', 'tagged-no-stream']);
    expect(scenario.command({ type: 'switchover', to: named('pg2') }).kind).toBe('refused');
  });

  it('one whose data is built anew is none', () => {
    const scenario = runningCluster();
    const order = { type: 'rebuild', instance: named('pg2'), method: null, from: null } as const;
    expect(scenario.command({ ...order, force: false }).kind).toBe('decided');
    const rules = () => standingsOf(scenario.input).map(({ refusals }) => refusals[0]?.rule);
    expect(rules()).toEqual([undefined, undefined]);
    scenario.hears('pg2', { postgres: { kind: 'stopped' } });
    expect(rules()).toEqual(['rebuilding', undefined]);
  });
});

describe('slots of members', () => {
  it('are kept for half an hour of silence, then given up, and there again with the member', () => {
    const scenario = runningCluster();
    scenario.silent('pg3', 29 * MINUTE_MS).settle();
    expect(scenario.types).not.toContain('MemberSlotReleased');
    scenario.silent('pg3', 31 * MINUTE_MS).settle();
    expect(scenario.last('MemberSlotReleased')).toMatchObject({ instance: 'pg3' });
    expect(scenario.state.members['pg3']?.slotReleased).toBe(true);
    scenario.hears('pg3', { postgres: standbyAt(1, 100n) }).settle();
    expect(scenario.state.members['pg3']?.slotReleased).toBeUndefined();
  });

  it('a new leader that has heard nobody gives none up', () => {
    const scenario = runningCluster();
    const { pg3: _unheard, ...instances } = scenario.observations.instances;
    scenario.with({ instances, servingForMs: 10 * MINUTE_MS }).settle();
    expect(scenario.types).not.toContain('MemberSlotReleased');
  });
});

describe('warnings of slots', () => {
  it.each([
    { slot: slot({}), danger: undefined },
    { slot: slot({ safeBytes: null }), danger: undefined },
    { slot: slot({ safeBytes: 20n, retainedBytes: 80n }), danger: 'endangered' },
    { slot: slot({ safeBytes: -5n, walStatus: 'unreserved' }), danger: 'endangered' },
    { slot: slot({ safeBytes: null, retainedBytes: null, walStatus: 'lost' }), danger: 'lost' },
  ])('$slot.walStatus, $slot.safeBytes left of it: $danger', ({ slot: seen, danger }) => {
    const scenario = runningCluster();
    scenario.hears('pg1', { slots: [seen] }).settle();
    expect(scenario.state.slotDangers?.['pg2']).toBe(danger);
    expect(scenario.settle()).toEqual([]);
  });

  it('end when the slot is well, or gone', () => {
    const scenario = runningCluster();
    const lost = slot({ walStatus: 'lost' });
    scenario.hears('pg1', { slots: [lost, { ...lost, name: 'pg3' }] }).settle();
    scenario.hears('pg1', { slots: [slot({})] }).settle();
    expect(scenario.state.slotDangers).toEqual({});
    expect(scenario.last('SlotWarned')).toMatchObject({ danger: null });
  });
});
