import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_REBUILD_POLICY, DEFAULT_SLOT_POLICY } from '#libs/cluster';
import { toClusterDefinition } from './cluster-file.ts';
import { CONFIG_KINDS, type ConfigKind, configExample } from './config-example.ts';
import {
  loadAgentConfig,
  parseAgentConfig,
  parseClusterFile,
  parseControllerConfig,
} from './load.ts';
import { readTlsFiles } from './tls-files.ts';

const PARSERS: Record<ConfigKind, (text: string, path: string) => unknown> = {
  controller: parseControllerConfig,
  agent: parseAgentConfig,
  cluster: parseClusterFile,
};

/** What the programs are given when every key that may be left out is written. */
function everyKey(kind: ConfigKind): string {
  return configExample(kind).replaceAll(/^( *)#(\S)/gm, '$1$2');
}

describe('the example files', () => {
  it.each(CONFIG_KINDS)('of %s are accepted', (kind) => {
    expect(() => PARSERS[kind](configExample(kind), `/etc/${kind}.yaml`)).not.toThrow();
  });

  it.each(CONFIG_KINDS)('of %s are accepted with every key written, and mean the same', (kind) => {
    const given = PARSERS[kind](configExample(kind), `/etc/${kind}.yaml`);
    // The other way into a group stands beside the list of its founders, a restore beside initdb
    // and adoption, one target beside another, an archive that is followed beside a host.
    const text = everyKey(kind)
      .replace(/^join:\n(?: .*\n)+/m, '')
      .replace(/^ {4}(lsn|name|xid): .*\n/gm, '')
      .replace(/^ {2}archive: pgbackrest\n/gm, '')
      .replace(/^ {2}adopt:\n(?: {4}- .*\n)+/m, '')
      .replace(/^ {2}initdbOptions:\n(?: {4}- .*\n)+/m, '');
    const all = PARSERS[kind](text, `/etc/${kind}.yaml`);
    if (kind === 'controller') expect(all).toEqual(given);
    else expect(all).toBeDefined();
  });

  it.each(CONFIG_KINDS)('of %s keep to 100 columns', (kind) => {
    const wide = configExample(kind)
      .split('\n')
      .filter((line) => line.length > 100);
    expect(wide).toEqual([]);
  });
});

describe('where the first data directory comes from', () => {
  const parsed = (section: string) =>
    parseClusterFile(`${configExample('cluster')}\nbootstrap:\n${section}`, '/etc/cluster.yaml');

  it('is initdb without the section, and a backup with one', () => {
    expect(parseClusterFile(configExample('cluster'), '/etc/cluster.yaml').bootstrap).toBeNull();
    expect(parsed('  tool: barman\n  target: {lsn: 0/5000148}\n').bootstrap).toEqual({
      source: { tool: 'barman', target: { kind: 'lsn', value: '0/5000148' } },
      initdbOptions: [],
      sql: [],
    });
  });

  it.each([
    ['  tool: walg\n  target: {lsn: 0/1, xid: "7"}\n', 'has lsn and xid: one only'],
    ['  target: {name: here}\n', 'needs bootstrap.tool'],
    ['  adopt: [pg1]\n  sql: [SELECT 1]\n', 'adopt makes nothing'],
    ['  initdbOptions: [--pgdata=/etc]\n', "has '--pgdata=/etc'"],
    ['  tool: walg\n  initdbOptions: [--locale=C]\n', 'a backup brings its own'],
  ])('refuses %j', (section, why) => {
    expect(problemsOf(() => parsed(section)).join()).toContain(why);
  });
});

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return ['nothing was refused'];
}

function agentWith(from: string | RegExp, to: string): () => unknown {
  const text = configExample('agent');
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  return () => parseAgentConfig(changed, '/etc/matriarch/agent.yaml');
}

describe('agent.yaml', () => {
  it.each([
    {
      name: 'an abbreviated key',
      from: /^stateDirectory:/m,
      to: 'stateDir:',
      says: [
        "missing key 'stateDirectory' in agent.yaml: it must be a path; a relative one starts at " +
          "this file's directory",
        /^unknown key 'stateDir' in agent.yaml line \d+: did you mean 'stateDirectory'\?$/,
      ],
    },
    {
      name: 'a misspelt nested key',
      from: '  dataDirectory:',
      to: '  datadirectry: x\n  dataDirectory:',
      says: [
        /^unknown key 'postgres.datadirectry' in agent.yaml line \d+: did you mean 'postgres.dataDirectory'\?$/,
      ],
    },
    {
      name: 'a key like no other',
      from: /^cluster:/m,
      to: 'zzzzzzzzz: 1\ncluster:',
      says: [
        /^unknown key 'zzzzzzzzz' in agent.yaml line \d+: the keys here are cluster, instance/,
      ],
    },
    {
      name: 'a name in capitals',
      from: 'cluster: main',
      to: 'cluster: Main',
      says: [
        /^'cluster' is 'Main' in agent.yaml line \d+: it must be a cluster name: 1 to 40 lower-case/,
      ],
    },
    {
      name: 'an address without a port',
      from: 'address: 10.0.0.2:7400',
      to: 'address: 10.0.0.2',
      says: [
        /^'controllers\[2\].address' is '10.0.0.2' in agent.yaml line \d+: it must be host:port/,
      ],
    },
    {
      name: 'two controllers of one name',
      from: 'name: c2',
      to: 'name: c1',
      says: [/^agent.yaml line \d+: controller 'c1' is listed twice$/],
    },
    {
      name: 'an even number of controllers',
      from: /\n {2}- name: c3\n.*\n/,
      to: '\n',
      says: [/^agent.yaml line \d+: controllers lists 2 controllers: use 1, 3, 5 or 7/],
    },
    {
      name: 'an address that nobody can connect to',
      from: /(?<=listen:\n.*\n +host: )10\.0\.0\.11/,
      to: '0.0.0.0',
      says: [/postgres.listen.host is 0.0.0.0, which nobody can connect to/],
    },
    {
      name: 'state inside the data directory',
      from: /^stateDirectory: .*$/m,
      to: 'stateDirectory: /var/lib/postgresql/15/main/state',
      says: [/which a rebuild empties: use a directory outside it$/],
    },
    {
      name: 'a socket path beyond the limit',
      from: /socketDirectory: .*$/m,
      to: `socketDirectory: /${'x'.repeat(100)}`,
      says: [/postgres.socketDirectory is too long: the socket .* takes 115 bytes of the 107/],
    },
    {
      name: 'broken YAML',
      from: 'cluster: main',
      to: 'cluster: [main',
      says: [/^agent.yaml line \d+ is not valid YAML: /],
    },
    {
      name: 'a key written twice',
      from: 'cluster: main',
      to: 'cluster: main\ncluster: other',
      says: [/^agent.yaml line \d+ is not valid YAML: map keys must be unique/],
    },
  ])('$name is refused with the way out', ({ from, to, says }) => {
    const problems = problemsOf(agentWith(from, to));
    for (const [index, line] of says.entries()) expect(problems[index]).toMatch(line);
  });

  const pushed = 'host: b1, remoteSshCommand: ssh postgres@db1';

  it("takes Barman's REST API with files beside its own", () => {
    const api = '{url: https://b1/barman, ca: tls/b.crt, certificate: c.crt, key: c.key}';
    const section = `backup: {barman: {server: main, ${pushed}, api: ${api}}}\n`;
    const run = agentWith(/^cluster: main$/m, `cluster: main\n${section}`);
    expect(run()).toMatchObject({
      backup: {
        barman: {
          api: {
            url: 'https://b1/barman',
            ca: '/etc/matriarch/tls/b.crt',
            client: { certificate: '/etc/matriarch/c.crt', key: '/etc/matriarch/c.key' },
          },
        },
      },
    });
  });

  it.each([
    [
      `${pushed}, api: {url: 'b1:7480'}`,
      /api.url' is 'b1:7480'.*an http or https URL, as in https/,
    ],
    [
      `${pushed}, api: {url: 'https://b1', key: k}`,
      /api.certificate is missing: it goes with .*api.key/,
    ],
    [`${pushed}, api: {url: 'https://b1', certificate: c}`, /api.key is missing/],
    [
      `${pushed}, api: {url: 'http://b1', ca: c}`,
      /api.url is 'http:\/\/b1'.* are for https: write https/,
    ],
    [
      'remoteSshCommand: ssh db1, api: {url: http://b1}',
      /barman.host is missing: .* as in: host: b1/,
    ],
    [
      'api: {url: http://localhost:7480}',
      /remoteSshCommand is missing: Barman pushes backups over SSH/,
    ],
  ])('refuses of the REST API of Barman %s', (keys, why) => {
    const section = `cluster: main\nbackup: {barman: {server: main, ${keys}}}`;
    const problems = problemsOf(agentWith(/^cluster: main$/m, section));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(why);
  });

  it('names several errors at once, each in its line', () => {
    const run = agentWith(
      /^cluster: main$/m,
      'cluster: 7\nlogLevl: info\ntags: {failoverPriority: -1, noFailover: maybe}',
    );
    expect(problemsOf(run)).toHaveLength(4);
  });

  it('fills in what may be left out', () => {
    const config = parseAgentConfig(configExample('agent'), '/etc/matriarch/agent.yaml');
    expect(config).toMatchObject({
      cluster: 'main',
      tls: { ca: '/etc/matriarch/tls/ca.crt' },
      guardTls: { ca: '/etc/matriarch/tls/ca.crt', key: '/etc/matriarch/tls/guard-main-pg1.key' },
      api: {
        listen: { host: '0.0.0.0', port: 8008 },
        advertise: { host: '10.0.0.11', port: 8008 },
      },
      postgres: {
        binDirectory: null,
        listen: { host: '10.0.0.11', port: 5432 },
        advertise: { host: '10.0.0.11', port: 5432 },
        user: 'postgres',
      },
      tags: { noFailover: false, noSync: false, failoverPriority: 1, syncPriority: 1 },
      watchdog: { mode: 'off', device: '/dev/watchdog', safetyMarginMs: 500 },
      logLevel: 'info',
    });
  });
});

describe('controller.yaml', () => {
  it('must list the controller itself, which gives its address', () => {
    const text = configExample('controller');
    const config = parseControllerConfig(text, '/etc/controller.yaml');
    expect(config.advertise).toEqual({ host: '10.0.0.1', port: 7400 });
    expect(config.timing).toEqual({ tickMs: 100, heartbeatMs: 100, electionMs: 500 });
    const other = text.replace('name: c1', 'name: c9');
    expect(problemsOf(() => parseControllerConfig(other, 'controller.yaml'))).toEqual([
      expect.stringMatching(/name is 'c9', which controllers does not list \(c1, c2, c3\)$/),
    ]);
  });

  it('enters a group by join instead', () => {
    const text = configExample('controller').replace(/^controllers:\n(?: .*\n)+/m, '');
    const join = `${text}\njoin: {controllers: ['10.0.0.2:7400'], token: c4.131.0011223344556677}\n`;
    const config = parseControllerConfig(join, '/etc/controller.yaml');
    expect(config.controllers).toEqual([]);
    expect(config.join).toEqual({
      controllers: [{ host: '10.0.0.2', port: 7400 }],
      token: 'c4.131.0011223344556677',
    });
    expect(problemsOf(() => parseControllerConfig(text, 'controller.yaml'))).toEqual([
      expect.stringMatching(/the file has neither controllers nor join/),
    ]);
    const both = `${configExample('controller')}\njoin: {controllers: ['10.0.0.2:7400']}\n`;
    expect(problemsOf(() => parseControllerConfig(both, 'controller.yaml'))).toEqual([
      expect.stringMatching(/the file has controllers and join/),
    ]);
  });

  it('refuses an election timeout that a heartbeat or two would reach', () => {
    const text = `${configExample('controller')}\ntiming: {heartbeatMs: 200}\n`;
    expect(problemsOf(() => parseControllerConfig(text, 'controller.yaml'))[0]).toMatch(
      /timing.electionMs is 500: it must be at least 4 times timing.heartbeatMs \(200\)$/,
    );
  });
});

describe('what agents do around PostgreSQL', () => {
  const agentWith = (section: string) =>
    parseAgentConfig(`${configExample('agent')}\n${section}\n`, '/etc/matriarch/agent.yaml');

  it.each([
    { tags: '{failoverPriority: 0}', noFailover: true },
    { tags: '{failoverPriority: 1}', noFailover: false },
    { tags: '{failoverPriority: 7, noFailover: true}', noFailover: true },
  ])('tags $tags: noFailover $noFailover, as in Patroni', ({ tags, noFailover }) => {
    expect(agentWith(`tags: ${tags}`).tags.noFailover).toBe(noFailover);
  });

  it('hooks are argument lists, each with its limit', () => {
    const { hooks } = agentWith(
      'hooks: {onRoleChange: [/bin/moved, --fast], beforeStopLimitMs: 900}',
    );
    expect(hooks.commands).toEqual({ onRoleChange: ['/bin/moved', '--fast'] });
    expect(hooks.limitsMs).toMatchObject({ beforeStop: 900, prePromote: 2_000 });
    expect(agentWith('').hooks.commands).toEqual({});
    expect(problemsOf(() => agentWith('hooks: {onStart: /bin/moved}'))[0]).toContain(
      'a program and',
    );
  });
});

describe('cluster.yaml', () => {
  const users =
    'superuser: {username: a}\nreplication: {username: b, password: x}\nrewind: {username: c}';

  it('may follow another cluster', () => {
    const file = `${users}\nstandbyOf: {host: '10.1.0.11,10.1.0.12', slot: site_b}`;
    const { standbyOf } = toClusterDefinition(parseClusterFile(file, 'cluster.yaml'));
    const remote = { host: '10.1.0.11,10.1.0.12', port: 5432, slot: 'site_b', user: null };
    expect(standbyOf).toEqual(remote);
    for (const host of ["'a:5432,[fd00::1]:5433,b'", "['a:5432', '[fd00::1]:5433', b]"]) {
      const several = `${users}\nstandbyOf: {host: ${host}}`;
      const { standbyOf: found } = toClusterDefinition(parseClusterFile(several, 'cluster.yaml'));
      expect(found).toMatchObject({ host: 'a:5432,[fd00::1]:5433,b:5432', port: 5432 });
    }
    for (const host of ['a:0', 'a:70000', '[a]:5432', 'a:5432:1', '[]', "''"]) {
      const wrong = `${users}\nstandbyOf: {host: ${host === '[]' ? host : `'${host.replaceAll("'", '')}'`}}`;
      expect(() => parseClusterFile(wrong, 'cluster.yaml'), host).toThrow('a host name or address');
    }
    const spaced = `${users}\nstandbyOf: {host: 'a, b'}`;
    expect(problemsOf(() => parseClusterFile(spaced, 'cluster.yaml'))[0]).toContain('no spaces');
  });

  it('may follow an archive alone, with nothing of a server beside it', () => {
    const file = `${users}\nstandbyOf: {archive: pgbackrest}`;
    const { standbyOf } = toClusterDefinition(parseClusterFile(file, 'cluster.yaml'));
    expect(standbyOf).toEqual({ archive: 'pgbackrest' });
    for (const more of ['host: pg1', 'slot: site_b', 'user: me']) {
      const both = `${users}\nstandbyOf: {archive: walg, ${more}}`;
      const [problem] = problemsOf(() => parseClusterFile(both, 'cluster.yaml'));
      expect(problem, more).toContain('leave out host, slot and user, or archive');
    }
    const neither = `${users}\nstandbyOf: {port: 5433}`;
    const [problem] = problemsOf(() => parseClusterFile(neither, 'cluster.yaml'));
    expect(problem).toContain('standbyOf needs host, or archive');
    const unknown = `${users}\nstandbyOf: {archive: tape}`;
    expect(problemsOf(() => parseClusterFile(unknown, 'cluster.yaml'))[0]).toContain(
      'one of pgbackrest, barman, walg, custom',
    );
  });

  it('has lines of pg_ident.conf', () => {
    const file = parseClusterFile(`${users}\npgIdent: [people alice app]`, 'cluster.yaml');
    expect(toClusterDefinition(file).postgres.pgIdent).toEqual(['people alice app']);
  });

  it('has lines and settings of a role or an instance', () => {
    const line = 'host all tests 10.9.0.0/16 scram-sha-256';
    const text = `${users}
accessOverrides: {primary: {pgHba: [local all all peer]}, instances: {pg3: {pgHba: ['${line}']}}}
overrides: {standby: {Jit: false}, instances: {pg3: {work_mem: 64MB}}}`;
    const { postgres } = toClusterDefinition(parseClusterFile(text, 'cluster.yaml'));
    expect(postgres.accessOverrides).toEqual({
      primary: { pgHba: ['local all all peer'], pgIdent: [] },
      standby: { pgHba: [], pgIdent: [] },
      instances: { pg3: { pgHba: [line], pgIdent: [] } },
    });
    expect(postgres.overrides).toEqual({
      ...{ primary: {}, standby: { jit: 'off' } },
      instances: { pg3: { work_mem: '64MB' } },
    });
  });

  it('records none of them when nobody is told anything', () => {
    const text = `${users}\naccessOverrides: {instances: {pg3: {}}}\noverrides: {primary: {}}`;
    const { postgres } = toClusterDefinition(parseClusterFile(text, 'cluster.yaml'));
    expect(Object.keys(postgres)).not.toContain('accessOverrides');
    expect(Object.keys(postgres)).not.toContain('overrides');
  });

  it('splits into what is recorded and what is secret', () => {
    const text = `${users}\nparameters: {Max_Connections: 50, fsync: true}\nsettings: {leaseTtlMs: 5000}`;
    const definition = toClusterDefinition(parseClusterFile(text, 'cluster.yaml'));
    expect(definition.postgres).toEqual({
      superuser: 'a',
      slots: DEFAULT_SLOT_POLICY,
      replicationUser: 'b',
      rewindUser: 'c',
      parameters: { max_connections: '50', fsync: 'on' },
      pgHba: [],
      rebuild: DEFAULT_REBUILD_POLICY,
    });
    expect(definition.credentials.replication).toEqual({ username: 'b', password: 'x' });
    expect(definition.credentials.rewind.password).toBeNull();
    expect(definition.settings).toMatchObject({
      leaseTtlMs: 5_000,
      maximumLagOnFailoverBytes: 1_048_576n,
    });
  });

  it.each([
    {
      more: 'parameters: {port: 5433}',
      says: /parameters.port: leave it out: it is a setting of the agent$/,
    },
    {
      more: 'pgHba: ["host all all 10.0.0.1 md5"]',
      says: /pgHba\[1\]: pg_hba line '.*': the address '10.0.0.1' needs a mask/,
    },
    { more: 'pgIdent: ["people alice"]', says: /pgIdent\[1\]: .*it has 2 fields/ },
    {
      more: 'accessOverrides: {instances: {pg3: {pgHba: ["local all all trust", "host all all 10.0.0.1 md5"]}}}',
      says: /line 4: accessOverrides.instances.pg3.pgHba\[2\]: pg_hba line '.*' needs a mask/,
    },
    {
      more: 'accessOverrides: {standby: {pgIdent: ["people alice"]}}',
      says: /accessOverrides.standby.pgIdent\[1\]: .*it has 2 fields/,
    },
    {
      more: 'accessOverrides: {instances: {PG3: {}}}',
      says: /'accessOverrides.instances.PG3' is {} in .* it must be a mapping of names of instances/,
    },
    {
      more: 'accessOverrides: {instances: {pg3: {hba: []}}}',
      says: /unknown key 'accessOverrides.instances.pg3.hba' .*did you mean '.*pg3.pgHba'\?/,
    },
    {
      more: 'accessOverrides: {primary: {pgHba: local all all trust}}',
      says: /'accessOverrides.primary.pgHba' is .* it must be a list of lines of pg_hba.conf$/,
    },
    {
      more: 'accessOverrides: {replica: {}}',
      says: /unknown key 'accessOverrides.replica' .*keys here are primary, standby, instances$/,
    },
    {
      more: 'overrides: {primary: {port: 5433}}',
      says: /overrides.primary.port: leave it out: it is a setting of the agent$/,
    },
    { more: 'parameters: {"a b": 1}', says: /the key 'a b', which is no name of a PostgreSQL/ },
    {
      more: 'settings: {leaseTtlMs: 900}',
      says: /settings.leaseTtlMs is 900: it must be at least/,
    },
    { more: 'settings: {guardKillMs: 400}', says: /less than settings.stopBudgetMs \(300\)/ },
    {
      more: 'settings: {synchronousMode: quorum, syncFenceMs: 2800}',
      says: /settings.syncFenceMs is 2800: it must be at most leaseTtlMs - stopBudgetMs \(2700\)$/,
    },
    { more: 'settings: {synchronousMode: on}', says: /must be off, priority or quorum/ },
    { more: 'settings: {leaseTTL: 900}', says: /did you mean 'settings.leaseTtlMs'\?/ },
  ])('refuses $more', ({ more, says }) => {
    expect(problemsOf(() => parseClusterFile(`${users}\n${more}`, 'cluster.yaml'))[0]).toMatch(
      says,
    );
  });

  it('does not show a password that it refuses', () => {
    const text =
      'superuser: {username: a, password: 12345}\nreplication: {username: b}\nrewind: {username: c}';
    expect(problemsOf(() => parseClusterFile(text, 'cluster.yaml')).join()).not.toContain('12345');
  });
});

describe('files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'config-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('that are not there are named', () => {
    const path = join(directory, 'none.yaml');
    const line = `cannot read configuration ${path}: there is no such file`;
    expect(problemsOf(() => loadAgentConfig(path))).toEqual([line]);
    expect(problemsOf(() => loadAgentConfig(directory))[0]).toMatch(/it is a directory$/);
  });

  it('that should be PEM are named when they are missing or something else', () => {
    const paths = { ca: join(directory, 'ca.crt'), certificate: '-', key: '-' };
    expect(problemsOf(() => readTlsFiles(paths))[0]).toMatch(
      /^cannot use the certificate authority .*ca.crt: there is no such file: make it with/,
    );
    writeFileSync(paths.ca, 'hello');
    expect(problemsOf(() => readTlsFiles(paths))[0]).toMatch(
      /it holds no PEM block "CERTIFICATE"$/,
    );
  });
});
