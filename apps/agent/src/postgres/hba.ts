import { isIP } from 'node:net';
import type { MemberRecord, PostgresDefinition } from '#libs/cluster';
import { type HbaLine, IDENT_MAP } from '#libs/postgres-model';
import type { ClusterCredentials } from '#libs/protocol';
import { hasLogicalSlots } from './settings.ts';

export type AccessRequest = {
  readonly definition: PostgresDefinition;
  readonly members: readonly MemberRecord[];
  readonly credentials: ClusterCredentials;
  /** Of this instance in its role, before the cluster's own. */
  readonly special: readonly string[];
  /** False: clients are not let in yet, only our own roles (safety 12). */
  readonly clients: boolean;
};

/**
 * Our own access first, then the operator's lines. A role without a password is let in from the
 * members' hosts alone.
 */
export function hbaLinesOf({
  definition,
  members,
  credentials,
  special,
  clients,
}: AccessRequest): HbaLine[] {
  const hosts = [...new Set(members.map((member) => member.postgres.host))].sort();
  const from = (database: string, user: string, password: string | null): HbaLine[] => {
    const rule = { connection: 'host', databases: [database], users: [user] } as const;
    if (password !== null) return [{ ...rule, address: 'all', method: 'scram-sha-256' }];
    return hosts.map((host) => ({ ...rule, address: networkOf(host), method: 'trust' }));
  };
  const general = definition.pgHba.length > 0 ? definition.pgHba : DEFAULT_LINES;
  return [
    {
      connection: 'local',
      databases: ['all'],
      users: [definition.superuser],
      method: 'peer',
      options: { map: IDENT_MAP },
    },
    ...from('replication', definition.replicationUser, credentials.replication.password),
    ...(hasLogicalSlots(definition)
      ? from('postgres', definition.replicationUser, credentials.replication.password)
      : []),
    ...from('postgres', definition.rewindUser, credentials.rewind.password),
    ...(clients ? [...special, ...general] : []),
  ];
}

const DEFAULT_LINES: readonly HbaLine[] = [
  { connection: 'local', databases: ['all'], users: ['all'], method: 'peer' },
  {
    connection: 'host',
    databases: ['all'],
    users: ['all'],
    address: 'all',
    method: 'scram-sha-256',
  },
];

export function identText(
  osUser: string,
  { superuser, pgIdent = [] }: PostgresDefinition,
  special: readonly string[],
): string {
  const header = '# Written by Matriarch: changes made here are lost.';
  const own = `${IDENT_MAP} ${osUser} "${superuser}"`;
  return `${[header, own, ...special, ...pgIdent].join('\n')}\n`;
}

/** `host:port:database:user:password` lines for libpq; both roles, whatever the host. */
export function passFileText({ replication, rewind }: ClusterCredentials): string {
  const lines = [replication, rewind].flatMap(({ username, password }) =>
    password === null ? [] : [`*:*:*:${escaped(username)}:${escaped(password)}\n`],
  );
  return lines.join('');
}

function escaped(text: string): string {
  return text.replace(/[\\:]/g, '\\$&');
}

function networkOf(host: string): string {
  const version = isIP(host);
  if (version === 4) return `${host}/32`;
  return version === 6 ? `${host}/128` : host;
}
