import { describe, expect, it } from 'vitest';
import type { MemberRecord, PostgresDefinition } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { renderHba } from '#libs/postgres-model';
import type { ClusterCredentials } from '#libs/protocol';
import { hbaLinesOf, identText, passFileText } from './hba.ts';

const definition: PostgresDefinition = {
  superuser: 'postgres',
  replicationUser: 'replicator',
  rewindUser: 'rewinder',
  parameters: {},
  pgHba: [],
};

function member(name: string, host: string): MemberRecord {
  const tags = { noFailover: false, noLoadBalance: false, failoverPriority: 1 };
  const endpoint = { host, port: 5432 };
  return { name: instanceName(name), postgres: endpoint, agent: endpoint, tags };
}

function credentials(password: string | null): ClusterCredentials {
  return {
    superuser: { username: 'postgres', password },
    replication: { username: 'replicator', password },
    rewind: { username: 'rewinder', password },
  };
}

const members = [member('pg1', '10.0.0.1'), member('pg2', 'fd00::2'), member('pg3', 'db3.lan')];

function linesWith(
  password: string | null,
  pgHba: readonly string[] = [],
  special: readonly string[] = [],
): string[] {
  const request = {
    definition: { ...definition, pgHba },
    members,
    credentials: credentials(password),
    special,
    clients: true,
  };
  return renderHba(hbaLinesOf(request)).trim().split('\n').slice(1);
}

describe('hbaLinesOf', () => {
  it('lets our roles in with their passwords from anywhere', () => {
    expect(linesWith('x')).toEqual([
      'local all postgres peer map=matriarch',
      'host replication replicator all scram-sha-256',
      'host postgres rewinder all scram-sha-256',
      'local all all peer',
      'host all all all scram-sha-256',
    ]);
  });

  it('lets roles without a password in from the members alone', () => {
    expect(linesWith(null).slice(1, 4)).toEqual([
      'host replication replicator 10.0.0.1/32 trust',
      'host replication replicator db3.lan trust',
      'host replication replicator fd00::2/128 trust',
    ]);
  });

  it("puts the operator's lines in the place of the default ones, after ours", () => {
    const given = ['hostssl app app 10.0.0.0/8 scram-sha-256'];
    expect(linesWith('x', given).slice(3)).toEqual(given);
  });

  it('puts lines of the instance and its role before those of the whole cluster', () => {
    const special = ['host all app all reject'];
    expect(linesWith('x', ['host all all all md5'], special).slice(3)).toEqual([
      'host all app all reject',
      'host all all all md5',
    ]);
    expect(linesWith('x', [], special).slice(3)).toEqual([
      'host all app all reject',
      'local all all peer',
      'host all all all scram-sha-256',
    ]);
  });
});

it('lets in nobody but our own roles while clients are kept out', () => {
  const request = { definition, members, credentials: credentials('x') };
  const out = { ...request, special: ['host all app all md5'], clients: false };
  const lines = renderHba(hbaLinesOf(out)).trim().split('\n').slice(1);
  expect(lines.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
    'local all postgres',
    'host replication replicator',
    'host postgres rewinder',
  ]);
});

it('maps our OS user to the superuser', () => {
  expect(
    identText('postgres', { ...definition, superuser: 'boss', pgIdent: ['map os db'] }, ['m a b']),
  ).toContain('matriarch postgres "boss"\nm a b\nmap os db\n');
});

it('escapes what has a meaning in a password file, and leaves out roles without a password', () => {
  const mixed = { ...credentials('a:b\\c'), rewind: { username: 'rewinder', password: null } };
  expect(passFileText(mixed)).toBe('*:*:*:replicator:a\\:b\\\\c\n');
});
