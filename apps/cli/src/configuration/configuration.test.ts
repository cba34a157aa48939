import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ClusterConfiguration, DEFAULT_SETTINGS, NO_OVERRIDES } from '#libs/cluster';
import { assigned, withSettings } from './assignments.ts';
import { changesBetween, changesText } from './changes.ts';
import { configurationIn, documentOf } from './document.ts';

const CONFIGURATION: ClusterConfiguration = {
  settings: DEFAULT_SETTINGS,
  parameters: { work_mem: '4MB', jit: 'off' },
  pgHba: ['local all all peer'],
  pgIdent: [],
  overrides: { ...NO_OVERRIDES, instances: { pg2: { work_mem: '1GB' } } },
};

describe('the document', () => {
  it('says everything: what is read from it is what was written', () => {
    expect(configurationIn(documentOf(CONFIGURATION))).toEqual(CONFIGURATION);
  });

  it('has numbers as numbers, and words that look like none of ours as they are', () => {
    const parameters = { max_connections: '50', work_mem: '4MB', jit: 'off', search_path: '007' };
    const text = documentOf({ ...CONFIGURATION, parameters });
    expect(text).toContain('max_connections: 50\n');
    expect(text).toContain('maximumLagOnFailoverBytes: 1048576\n');
    expect(text).toContain('search_path: "007"\n');
    expect(configurationIn(text).parameters).toEqual(parameters);
  });

  it('has access lines of a role or an instance, and takes them away', () => {
    const none = { pgHba: [], pgIdent: [] };
    const before = {
      ...CONFIGURATION,
      accessOverrides: { primary: none, standby: none, instances: {} },
    };
    const text = documentOf(before);
    const given = text.replace('primary:\n    pgHba: []', 'primary:\n    pgHba: [local a a peer]');
    const after = configurationIn(given);
    expect(after.accessOverrides?.primary).toEqual({ pgHba: ['local a a peer'], pgIdent: [] });
    expect(changesText(changesBetween(before, after))).toBe('+ primary.pgHba[1]: local a a peer');
    expect(changesText(changesBetween(after, before))).toBe('- primary.pgHba[1]: local a a peer');
    expect(configurationIn(text).accessOverrides).toEqual(before.accessOverrides);
  });

  it('takes numbers, booleans and sizes as they come to mind', () => {
    const text = documentOf(CONFIGURATION)
      .replace('jit: off', 'jit: true')
      .replace('work_mem: 4MB', 'work_mem: 4096')
      .replace(/maximumLagOnFailoverBytes: .*/, 'maximumLagOnFailoverBytes: 2048');
    const { parameters, settings } = configurationIn(text);
    expect(parameters).toEqual({ work_mem: '4096', jit: 'on' });
    expect(settings.maximumLagOnFailoverBytes).toBe(2_048n);
  });

  it.each([
    ['a: [', 'it is not YAML'],
    [documentOf(CONFIGURATION).replace('leaseTtlMs: 3000', 'leaseTtlMs: soon'), 'leaseTtlMs'],
    [`${documentOf(CONFIGURATION)}walrus: 1\n`, 'walrus'],
  ])('says what is wrong: %#', (text, why) => {
    expect(() => configurationIn(text)).toThrow(why);
  });
});

describe('assignments', () => {
  it.each([
    [{}, ['work_mem=8MB', 'a.b=x=y'], ['jit'], { parameters: { work_mem: '8MB', 'a.b': 'x=y' } }],
    [{ role: 'standby' }, ['jit=on'], [], { overrides: { standby: { jit: 'on' } } }],
    [{ instance: 'pg2' }, [], ['work_mem'], { overrides: { instances: {} } }],
    [{ instance: 'pg3' }, ['jit=on'], [], { overrides: { instances: { pg3: { jit: 'on' } } } }],
  ] as const)('%j %j without %j', (target, assignments, unset, expected) => {
    expect(assigned(CONFIGURATION, assignments, unset, target)).toMatchObject(expected);
  });

  it.each([
    [{}, ['work_mem'], [], "'work_mem' is no NAME=VALUE"],
    [{}, [], ['wrk_mem'], "'wrk_mem' is not set there"],
    [{ role: 'primary', instance: 'pg1' }, ['a=b'], [], 'give --role or --instance'],
  ] as const)('%j %j without %j is refused', (target, assignments, unset, why) => {
    expect(() => assigned(CONFIGURATION, assignments, unset, target)).toThrow(why);
  });

  it('takes how data is built anew and what archives WAL', () => {
    const document = { settings: {}, rebuild: { methods: ['basebackup'] }, archive: null };
    const pairs = ['rebuild.methods=[pgbackrest, basebackup]', 'archive.tool=pgbackrest'];
    const changed = withSettings(document, pairs, (text) => parse(text));
    expect(changed).toEqual({
      ...{ settings: {}, archive: { tool: 'pgbackrest' } },
      rebuild: { methods: ['pgbackrest', 'basebackup'] },
    });
    expect(withSettings(changed, ['archive.tool=null'], (text) => parse(text))).toMatchObject({
      archive: null,
    });
  });

  it('names the settings there are when one is unknown', () => {
    const document = { settings: { leaseTtlMs: 3_000 } };
    expect(withSettings(document, ['leaseTtlMs=4000'], Number)).toEqual({
      settings: { leaseTtlMs: 4_000 },
    });
    expect(() => withSettings(document, ['x=4'], Number)).toThrow('the keys are leaseTtlMs');
    expect(() => withSettings(document, ['leasTtlMs=4'], Number)).toThrow(
      "did you mean 'leaseTtlMs'?",
    );
  });
});

it('shows what changed, place by place', () => {
  const after = { ...CONFIGURATION, parameters: { work_mem: '8MB' }, pgIdent: ['m a b'] };
  expect(changesText(changesBetween(CONFIGURATION, after)).split('\n')).toEqual([
    '- parameters.work_mem: 4MB',
    '+ parameters.work_mem: 8MB',
    '- parameters.jit: off',
    '+ pgIdent[1]: m a b',
  ]);
});
