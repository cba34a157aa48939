import { describe, expect, it } from 'vitest';
import { epochMs } from '#libs/kernel';
import { named, primaryOn, runningCluster, standbyAt } from '#libs/testing';
import type { OperatorCommand } from '../../decision.ts';
import { goalOf } from '../../goal-of.ts';
import { effectiveParameters, heldBack } from '../../restart/capacity.ts';

type Restart = Extract<OperatorCommand, { type: 'restart' }>;
const EVERYBODY: Restart = {
  type: 'restart',
  instances: null,
  rolling: false,
  onlyPending: false,
  role: null,
  at: null,
};

function started(settings: Readonly<Record<string, number>> = { max_connections: 100 }) {
  const scenario = runningCluster();
  const server = { versionNum: 150_018, settings, collation: null };
  for (const name of ['pg1', 'pg2', 'pg3']) {
    scenario.hears(name, { server, postmasterStartedAt: epochMs(1_000) });
  }
  scenario.settle();
  return scenario;
}

type Scenario = ReturnType<typeof started>;

function restarted(scenario: Scenario, name: string): void {
  const postgres = name === 'pg1' ? primaryOn(1) : standbyAt(1, 100n);
  scenario.hears(name, { postmasterStartedAt: epochMs(2_000), postgres }).settle();
}

const orders = (scenario: Scenario): string[] =>
  scenario.log.flatMap((event) => (event.type === 'RestartOrdered' ? [event.instance] : []));

describe('a restart', () => {
  it('takes one instance at a time, the primary last and in place', () => {
    const scenario = started();
    expect(scenario.command(EVERYBODY).kind).toBe('decided');
    scenario.settle();
    expect(orders(scenario)).toEqual(['pg2']);
    expect(goalOf(scenario.state, named('pg2'))).toMatchObject({ restart: { startedAt: 1_000 } });
    restarted(scenario, 'pg2');
    expect(orders(scenario)).toEqual(['pg2', 'pg3']);
    restarted(scenario, 'pg3');
    expect(orders(scenario)).toEqual(['pg2', 'pg3', 'pg1']);
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ restart: { startedAt: 1_000 } });
    restarted(scenario, 'pg1');
    expect(scenario.last('RestartEnded').outcome).toBe('completed');
    expect(scenario.state.restart).toBeNull();
  });

  it('tells how long it took since it was ordered, whatever came to pass meanwhile', () => {
    const scenario = started();
    scenario.command({ ...EVERYBODY, instances: [named('pg2')] });
    scenario.settle();
    scenario.with({ sinceRestartOrderedMs: 812, sinceChangeMs: 0 });
    restarted(scenario, 'pg2');
    expect(scenario.last('RestartDone')).toMatchObject({ instance: 'pg2', tookMs: 812 });
  });

  it('is given up by the time since its order, although other events came since', () => {
    const scenario = started();
    scenario.command({ ...EVERYBODY, instances: [named('pg2')] });
    scenario.settle();
    scenario.with({ sinceRestartOrderedMs: 180_001, sinceChangeMs: 0 }).settle();
    expect(scenario.last('RestartEnded')).toMatchObject({ outcome: 'failed' });
  });

  it('that is rolling hands the primary over first', () => {
    const scenario = started();
    scenario.command({ ...EVERYBODY, rolling: true });
    scenario.settle();
    restarted(scenario, 'pg2');
    restarted(scenario, 'pg3');
    expect(scenario.last('SwitchoverStarted')).toMatchObject({ from: 'pg1' });
    expect(orders(scenario)).toEqual(['pg2', 'pg3']);
  });

  it('waits while another standby does not stream, and says so in the end', () => {
    const scenario = started();
    scenario.hears('pg3', { postgres: standbyAt(1, 100n, false) });
    scenario.command({ ...EVERYBODY, instances: [named('pg2')] });
    expect(scenario.settle()).toEqual([]);
    scenario.later(121_000).settle();
    const reason = 'pg3 does not stream';
    expect(scenario.last('RestartEnded')).toMatchObject({ outcome: 'failed', reason });
  });

  it('begins when its time has come, with its conditions then, and can be cancelled before', () => {
    const scenario = started();
    scenario.with({ wallMs: 4_000 });
    const planned = { ...EVERYBODY, onlyPending: true, at: epochMs(5_000) };
    scenario.command(planned);
    expect(scenario.settle()).toEqual([]);
    expect(scenario.command(EVERYBODY)).toMatchObject({ kind: 'refused' });
    scenario.command({ type: 'cancelRestart' });
    expect(scenario.state.restart).toBeNull();
    scenario.command(planned);
    const pendingRestart = [{ name: 'shared_buffers', running: '16MB', configured: '32MB' }];
    scenario.hears('pg3', { pendingRestart }).with({ wallMs: 5_000 }).settle();
    expect(scenario.last('RestartSkipped')).toMatchObject({ instance: 'pg2' });
    expect(orders(scenario)).toEqual(['pg3']);
  });

  it('goes no further than the first instance that does not start with the new settings', () => {
    const scenario = started();
    scenario.command({ ...EVERYBODY, rolling: true });
    scenario.settle();
    const configurationRejected = { revision: 2, reason: 'FATAL: no such library' };
    scenario.hears('pg2', { configurationRejected });
    restarted(scenario, 'pg2');
    expect(orders(scenario)).toEqual(['pg2']);
    expect(scenario.last('RestartEnded')).toMatchObject({
      outcome: 'failed',
      reason: 'pg2 does not start with revision 2: FATAL: no such library; not restarted: pg3, pg1',
    });
  });

  it('tries what was rejected before once more, also where only what waits is restarted', () => {
    const scenario = started();
    const configurationRejected = { revision: 2, reason: 'FATAL: no such library' };
    scenario.hears('pg2', { configurationRejected });
    scenario.command({ ...EVERYBODY, onlyPending: true });
    scenario.settle();
    expect(orders(scenario)).toEqual(['pg2']);
    expect(scenario.state.restart).not.toBeNull();
    scenario.hears('pg2', { configurationRejected: null });
    restarted(scenario, 'pg2');
    expect(scenario.types).toContain('RestartDone');
  });

  it('is given up with the reason when PostgreSQL stays down, and leaves the others alone', () => {
    const scenario = started();
    scenario.command(EVERYBODY);
    scenario.settle();
    const problem = 'PostgreSQL does not start (FATAL: could not load server certificate file)';
    scenario.hears('pg2', { postgres: { kind: 'stopped' }, problem });
    expect(scenario.later(20_000).settle()).toEqual([]);
    scenario.later(11_000).settle();
    expect(scenario.last('RestartEnded')).toMatchObject({
      outcome: 'failed',
      reason: `pg2 did not serve again within 30 s: ${problem}; not restarted: pg3, pg1`,
    });
    expect(orders(scenario)).toEqual(['pg2']);
  });

  it('of a role takes only those in it', () => {
    const scenario = started();
    scenario.command({ ...EVERYBODY, role: 'standby' });
    expect(scenario.last('RestartPlanned').instances).toEqual(['pg2', 'pg3']);
  });
});

describe('settings that a standby must have as much of as its primary', () => {
  const sizes = (scenario: Scenario) =>
    (['pg1', 'pg2'] as const).map((name) => {
      const role = name === 'pg1' ? 'primary' : 'standby';
      return effectiveParameters(scenario.state, role, named(name))['max_connections'];
    });

  function configured(scenario: Scenario, max_connections: string): void {
    const { settings, postgres } = scenario.state;
    const overrides = { primary: {}, standby: {}, instances: {} };
    const lines = { pgHba: postgres.pgHba, pgIdent: [] };
    const configuration = { settings, parameters: { max_connections }, ...lines, overrides };
    scenario.command({ type: 'configure', configuration, expectedRevision: null, comment: null });
  }

  it('grow on the standbys first: the primary keeps its own until its restart is ordered', () => {
    const scenario = started();
    configured(scenario, '200');
    expect(sizes(scenario)).toEqual(['100', '200']);
    scenario.command({ ...EVERYBODY, instances: [named('pg1')] });
    scenario.settle();
    expect(scenario.last('RestartEnded')).toMatchObject({ outcome: 'failed' });
    const server = { versionNum: 150_018, settings: { max_connections: 200 }, collation: null };
    scenario.hears('pg2', { server }).hears('pg3', { server });
    scenario.command({ ...EVERYBODY, instances: [named('pg1')] });
    scenario.settle();
    expect(orders(scenario)).toEqual(['pg1']);
    expect(sizes(scenario)).toEqual(['200', '200']);
  });

  it('that wait for the restart of the primary count as waiting, though PostgreSQL knows of none', () => {
    const scenario = started();
    configured(scenario, '200');
    const server = { versionNum: 150_018, settings: { max_connections: 200 }, collation: null };
    scenario.hears('pg2', { server }).hears('pg3', { server });
    const held = [{ name: 'max_connections', running: '100', configured: '200' }];
    expect(heldBack(scenario.state, named('pg1'))).toEqual(held);
    scenario.command({ ...EVERYBODY, onlyPending: true });
    scenario.settle();
    expect(orders(scenario)).toEqual(['pg1']);
    expect(heldBack(scenario.state, named('pg1'))).toEqual([]);
  });

  it('stay unsaid where the default is enough', () => {
    const scenario = started();
    expect(sizes(scenario)).toEqual([undefined, undefined]);
    const server = { versionNum: 150_018, settings: { max_connections: 300 }, collation: null };
    scenario.hears('pg1', { server });
    scenario.settle();
    expect(sizes(scenario)).toEqual([undefined, '300']);
  });

  it('shrink on the primary first, in place: a standby could not start with less', () => {
    const scenario = started();
    configured(scenario, '50');
    expect(sizes(scenario)).toEqual(['50', '100']);
    const pendingRestart = [{ name: 'max_connections', running: '100', configured: '50' }];
    scenario.hears('pg1', { pendingRestart });
    scenario.command({ ...EVERYBODY, rolling: true });
    expect(scenario.last('RestartPlanned')).toMatchObject({
      instances: ['pg1', 'pg2', 'pg3'],
      rolling: false,
    });
  });
});
