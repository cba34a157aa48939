import { describe, expect, it } from 'vitest';
import { agentWith, problemsOf } from './config-text.fixture.ts';

describe("Barman's REST API in agent.yaml", () => {
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
});
