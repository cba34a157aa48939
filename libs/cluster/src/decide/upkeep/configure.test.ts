import { describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { runningCluster } from '#libs/testing';
import { NO_ACCESS_OVERRIDES, specialLines } from '../../access.ts';
import { type ClusterConfiguration, NO_OVERRIDES, REVISIONS_KEPT } from '../../configuration.ts';
import { configurationOf, currentRevision, leaseTimingOf, parametersFor } from '../../revisions.ts';
import { decideCommand } from '../decide.ts';

type Scenario = ReturnType<typeof runningCluster>;

function configure(
  scenario: Scenario,
  change: Partial<ClusterConfiguration>,
  expectedRevision: number | null = null,
) {
  const configuration = { ...configurationOf(scenario.state), ...change };
  const command = { type: 'configure', configuration, expectedRevision, comment: null } as const;
  const outcome = decideCommand(scenario.input, command);
  if (outcome.kind === 'decided') scenario.record(outcome.decision.events);
  return outcome;
}

describe('configuration', () => {
  it('is a revision that can be gone back to, the first one too', () => {
    const scenario = runningCluster();
    expect(currentRevision(scenario.state)).toBe(1);
    configure(scenario, { parameters: { work_mem: '64MB' } });
    configure(scenario, { parameters: { work_mem: '8MB' } });
    expect(currentRevision(scenario.state)).toBe(3);
    expect(scenario.state.postgres.parameters).toEqual({ work_mem: '8MB' });
    const [first, second] = scenario.state.revisions ?? [];
    expect(first).toMatchObject({ revision: 1, configuration: { parameters: {} } });
    configure(scenario, second?.configuration ?? {});
    expect(scenario.state.postgres.parameters).toEqual({ work_mem: '64MB' });
    expect(currentRevision(scenario.state)).toBe(4);
  });

  it('keeps a bounded number of revisions', () => {
    const scenario = runningCluster();
    for (let at = 0; at < REVISIONS_KEPT + 5; at += 1) {
      configure(scenario, { parameters: { work_mem: `${at + 64}kB` } });
    }
    expect(scenario.state.revisions).toHaveLength(REVISIONS_KEPT);
    expect(currentRevision(scenario.state)).toBe(REVISIONS_KEPT + 6);
  });

  it('says so when nothing would change, whatever the order of the keys', () => {
    const scenario = runningCluster();
    configure(scenario, { parameters: { a: '1', b: '2' } });
    expect(configure(scenario, { parameters: { b: '2', a: '1' } }).kind).toBe('satisfied');
    expect(configure(scenario, { pgHba: ['local all all peer', 'local a b peer'] }).kind).toBe(
      'decided',
    );
    expect(configure(scenario, { pgHba: ['local a b peer', 'local all all peer'] }).kind).toBe(
      'decided',
    );
  });

  it('has how data is built anew and WAL archived, and goes back to what stood before', () => {
    const scenario = runningCluster();
    const { rebuild, archive } = configurationOf(scenario.state);
    configure(scenario, { parameters: { work_mem: '1MB' } });
    // As a group of an older level records it.
    expect(scenario.last('ConfigurationChanged')).not.toHaveProperty('backup');
    const methods = ['pgbackrest', 'basebackup'] as const;
    const changed = { rebuild: { ...rebuild, methods }, archive: { tool: 'pgbackrest' } } as const;
    configure(scenario, changed);
    expect(scenario.last('ConfigurationChanged').backup).toEqual(changed);
    expect(scenario.state.postgres).toMatchObject(changed);
    const [first, second, third] = scenario.state.revisions ?? [];
    expect([first, second].map((one) => one?.configuration.rebuild)).toEqual([rebuild, rebuild]);
    expect(third?.configuration).toMatchObject(changed);
    // A client that knows of none leaves them.
    const { rebuild: _rebuild, archive: _archive, ...older } = configurationOf(scenario.state);
    const command = { type: 'configure', expectedRevision: null, comment: null } as const;
    const outcome = decideCommand(scenario.input, { ...command, configuration: older });
    expect(outcome.kind).toBe('satisfied');
    configure(scenario, second?.configuration ?? {});
    expect(configurationOf(scenario.state)).toMatchObject({ rebuild, archive });
    expect(scenario.state.postgres).not.toHaveProperty('archive');
  });

  it('has access lines of roles and instances, gone where they say nothing any more', () => {
    const scenario = runningCluster();
    const none = { pgHba: [], pgIdent: [] };
    const hba = (line: string) => ({ ...none, pgHba: [line] });
    const accessOverrides = {
      ...{ primary: hba('local all writer peer'), standby: hba('local all reader peer') },
      instances: { pg2: hba('local all all reject'), pg3: none },
    };
    configure(scenario, { accessOverrides });
    const { postgres } = scenario.state;
    const linesOf = (role: 'primary' | 'standby', name: string) =>
      specialLines(postgres, role, instanceName(name)).pgHba;
    expect(linesOf('standby', 'pg2')).toEqual(['local all all reject', 'local all reader peer']);
    expect(linesOf('primary', 'pg2')).toEqual(['local all all reject', 'local all writer peer']);
    expect(linesOf('standby', 'pg3')).toEqual(['local all reader peer']);
    expect(configurationOf(scenario.state).accessOverrides?.instances).toEqual({
      pg2: hba('local all all reject'),
    });
    const empty = { primary: none, standby: none, instances: { pg3: none } };
    configure(scenario, { accessOverrides: empty });
    expect(scenario.last('ConfigurationChanged').configuration).not.toHaveProperty(
      'accessOverrides',
    );
    expect(scenario.state.postgres).not.toHaveProperty('accessOverrides');
    expect(configure(scenario, { accessOverrides: empty }).kind).toBe('satisfied');
    // A client that knows of none leaves them.
    configure(scenario, { accessOverrides });
    const { accessOverrides: _known, ...older } = configurationOf(scenario.state);
    const command = { type: 'configure', expectedRevision: null, comment: null } as const;
    expect(decideCommand(scenario.input, { ...command, configuration: older }).kind).toBe(
      'satisfied',
    );
    configure(scenario, { accessOverrides: NO_ACCESS_OVERRIDES });
    const stranger = { ...empty, instances: { pg9: hba('local all all peer') } };
    expect(configure(scenario, { accessOverrides: stranger })).toMatchObject({
      refusals: [{ rule: 'unknown-instance', value: 'pg9' }],
    });
  });

  it('lets be whom the configuration names already: not joined yet, or removed since', () => {
    const scenario = runningCluster();
    const overrides = { ...NO_OVERRIDES, instances: { pg9: { work_mem: '1MB' } } };
    const { state } = scenario;
    const named = { ...state, postgres: { ...state.postgres, overrides } };
    const ordered = (configuration: ClusterConfiguration) => {
      const command = { type: 'configure', configuration, expectedRevision: null } as const;
      return decideCommand({ ...scenario.input, state: named }, { ...command, comment: null });
    };
    const standing = configurationOf(named);
    expect(ordered({ ...standing, parameters: { jit: 'off' } }).kind).toBe('decided');
    const stranger = { ...overrides, instances: { ...overrides.instances, pg8: { jit: 'on' } } };
    expect(ordered({ ...standing, overrides: stranger })).toMatchObject({
      refusals: [{ rule: 'unknown-instance', value: 'pg8' }],
    });
  });

  it('is refused when somebody else changed it meanwhile', () => {
    const scenario = runningCluster();
    configure(scenario, { parameters: { work_mem: '1MB' } });
    expect(configure(scenario, { parameters: { work_mem: '2MB' } }, 1)).toMatchObject({
      kind: 'refused',
      refusals: [{ rule: 'revision-changed', value: 'revision 1' }],
    });
  });

  it('is refused for an instance that is not there', () => {
    const overrides = { ...NO_OVERRIDES, instances: { pg9: { work_mem: '1MB' } } };
    expect(configure(runningCluster(), { overrides })).toMatchObject({
      kind: 'refused',
      refusals: [{ rule: 'unknown-instance', value: 'pg9', limit: 'one of pg1, pg2, pg3' }],
    });
  });

  it('lets the instance win over the role and the role over the cluster', () => {
    const scenario = runningCluster();
    const overrides = {
      primary: { a: 'primary', b: 'primary' },
      standby: { a: 'standby' },
      instances: { pg2: { a: 'pg2' } },
    };
    configure(scenario, { parameters: { a: 'all', b: 'all', c: 'all' }, overrides });
    const { members, postgres } = scenario.state;
    const [pg1, pg2] = [members['pg1'], members['pg2']];
    if (pg1 === undefined || pg2 === undefined) throw new Error('two members are needed');
    expect(parametersFor(postgres, 'primary', pg1.name)).toEqual({
      a: 'primary',
      b: 'primary',
      c: 'all',
    });
    expect(parametersFor(postgres, 'standby', pg2.name)).toEqual({ a: 'pg2', b: 'all', c: 'all' });
  });
});

describe('the times of a lease', () => {
  it('stay those of the grant until the next one: the leader never waits for less than the holder', () => {
    const scenario = runningCluster();
    const { settings } = scenario.state;
    configure(scenario, { settings: { ...settings, leaseTtlMs: 2_000 } });
    expect(scenario.state.settings.leaseTtlMs).toBe(2_000);
    expect(leaseTimingOf(scenario.state).leaseTtlMs).toBe(3_000);
  });
});
