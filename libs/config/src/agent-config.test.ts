import { describe, expect, it } from 'vitest';
import { configExample } from './config-example.ts';
import { agentWith, problemsOf } from './config-text.fixture.ts';
import { parseAgentConfig } from './load.ts';

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

describe('what agents do around PostgreSQL', () => {
  const agentWithSection = (section: string) =>
    parseAgentConfig(`${configExample('agent')}\n${section}\n`, '/etc/matriarch/agent.yaml');

  it.each([
    { tags: '{failoverPriority: 0}', noFailover: true },
    { tags: '{failoverPriority: 1}', noFailover: false },
    { tags: '{failoverPriority: 7, noFailover: true}', noFailover: true },
  ])('tags $tags: noFailover $noFailover, as in Patroni', ({ tags, noFailover }) => {
    expect(agentWithSection(`tags: ${tags}`).tags.noFailover).toBe(noFailover);
  });

  it('hooks are argument lists, each with its limit', () => {
    const { hooks } = agentWithSection(
      'hooks: {onRoleChange: [/bin/moved, --fast], beforeStopLimitMs: 900}',
    );
    expect(hooks.commands).toEqual({ onRoleChange: ['/bin/moved', '--fast'] });
    expect(hooks.limitsMs).toMatchObject({ beforeStop: 900, prePromote: 2_000 });
    expect(agentWithSection('').hooks.commands).toEqual({});
    expect(problemsOf(() => agentWithSection('hooks: {onStart: /bin/moved}'))[0]).toContain(
      'a program and',
    );
  });
});
