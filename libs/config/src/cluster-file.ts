import { z } from 'zod';
import type { ClusterSettings, PostgresDefinition } from '#libs/cluster';
import type { ClusterCredentials, Credential } from '#libs/protocol';
import { resolveSettings, settingsSchema } from './cluster-settings-schema.ts';
import { field } from './field.ts';
import type { Resolution } from './resolve.ts';

/** What `matriarch cluster create NAME --file` reads. */
export type ClusterFile = {
  readonly superuser: Credential;
  readonly replication: Credential;
  readonly rewind: Credential;
  readonly pgHba: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly settings: ClusterSettings;
};

/** The part that the controllers record, and the part that never enters the history. */
export type ClusterDefinition = {
  readonly settings: ClusterSettings;
  readonly postgres: PostgresDefinition;
  readonly credentials: ClusterCredentials;
};

/** Written by the agent on each instance; a value for all of them would break it. */
const OWNED_PARAMETERS = new Set([
  'cluster_name',
  'config_file',
  'data_directory',
  'external_pid_file',
  'hba_file',
  'hot_standby',
  'ident_file',
  'listen_addresses',
  'port',
  'primary_conninfo',
  'primary_slot_name',
  'promote_trigger_file',
  'recovery_target_timeline',
  'synchronous_standby_names',
  'unix_socket_directories',
]);

const USER_RULE = 'a mapping with username and password';

function userField(about: string, username: string) {
  const schema = z.strictObject({
    username: field(z.string().min(1).max(63), {
      about: 'Name of the database user.',
      rule: 'a name of 1 to 63 bytes',
      example: username,
    }),
    password: field(z.string().min(1).max(1_000).optional(), {
      about: 'Its password; without one pgHba must let it in by other means.',
      rule: 'text (in quotes when it looks like a number)',
      example: 'change-me',
    }),
  });
  return field(schema, { about, rule: USER_RULE, example: null });
}

export const clusterSchema = z.strictObject({
  superuser: userField('Creates the other users, watches and promotes.', 'postgres'),
  replication: userField('Standbys stream as this user.', 'replicator'),
  rewind: userField('pg_rewind reads the primary as this user.', 'rewinder'),
  pgHba: field(z.array(z.string().min(1)).max(1_000).default([]), {
    about: 'Lines of pg_hba.conf, after those that the agents need.',
    rule: 'a list of lines of pg_hba.conf',
    example: ['host all all 10.0.0.0/8 scram-sha-256'],
  }),
  parameters: field(
    z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
    {
      about: 'Settings of postgresql.conf for every instance.',
      rule: 'a mapping of setting names to text, numbers, true or false',
      example: { max_connections: 200, shared_buffers: '256MB' },
    },
  ),
  settings: field(settingsSchema.default({}), {
    about: 'How the cluster is kept. Times in milliseconds.',
    rule: 'a mapping of settings',
    example: {},
  }),
});

export function resolveCluster(
  raw: z.output<typeof clusterSchema>,
  resolution: Resolution,
): ClusterFile {
  return {
    superuser: credential(raw.superuser),
    replication: credential(raw.replication),
    rewind: credential(raw.rewind),
    pgHba: raw.pgHba,
    parameters: resolveParameters(raw.parameters, resolution),
    settings: resolveSettings(raw.settings, resolution),
  };
}

export function toClusterDefinition(file: ClusterFile): ClusterDefinition {
  const { superuser, replication, rewind, settings, parameters, pgHba } = file;
  return {
    settings,
    postgres: {
      superuser: superuser.username,
      replicationUser: replication.username,
      rewindUser: rewind.username,
      parameters,
      pgHba,
    },
    credentials: { superuser, replication, rewind },
  };
}

function credential(raw: { username: string; password?: string | undefined }): Credential {
  return { username: raw.username, password: raw.password ?? null };
}

/** PostgreSQL spells booleans on and off. */
function resolveParameters(
  raw: Readonly<Record<string, string | number | boolean>>,
  resolution: Resolution,
): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    const spelled = name.toLowerCase();
    if (!/^[a-z_][a-z0-9_.]*$/.test(spelled)) {
      const text = `parameters has the key '${name}', which is no name of a PostgreSQL setting`;
      resolution.refuse(['parameters', name], text);
    }
    if (OWNED_PARAMETERS.has(spelled)) {
      resolution.refuse(
        ['parameters', name],
        `parameters.${name} is set on each instance by its agent: leave it out`,
      );
    }
    parameters[spelled] = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
  }
  return parameters;
}
