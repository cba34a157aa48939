import * as z from 'zod';
import {
  type AccessLines,
  type AccessOverrides,
  type ArchivePolicy,
  accessThatSays,
  type BootstrapPolicy,
  type ClusterSettings,
  type ParameterOverrides,
  type Parameters,
  type PostgresDefinition,
  type RebuildPolicy,
  type Remote,
  type SlotPolicy,
} from '#libs/cluster';
import type { ClusterCredentials, Credential } from '#libs/protocol';
import {
  accessOverridesSection,
  commonAccessKeys,
  resolveAccess,
  resolveAccessOverrides,
} from './access-section.ts';
import { bootstrapSection, resolveBootstrap } from './bootstrap-section.ts';
import { resolveSettings, settingsSchema } from './cluster-settings-schema.ts';
import { field } from './field.ts';
import {
  overridesSection,
  PARAMETERS_RULE,
  parametersSection,
  resolveOverrides,
  resolveParameters,
} from './parameters-section.ts';
import {
  archiveSection,
  rebuildSection,
  resolveArchive,
  resolveRebuild,
} from './rebuild-section.ts';
import type { Resolution } from './resolve.ts';
import { resolveSlots, slotsSection } from './slots-section.ts';
import { resolveStandby, standbySection } from './standby-section.ts';

/** What `matriarch cluster create NAME --file` reads. */
export type ClusterFile = AccessLines & {
  readonly superuser: Credential;
  readonly replication: Credential;
  readonly rewind: Credential;
  readonly accessOverrides: AccessOverrides;
  readonly parameters: Parameters;
  readonly overrides: ParameterOverrides;
  readonly settings: ClusterSettings;
  readonly slots: SlotPolicy;
  readonly rebuild: RebuildPolicy;
  /** Null: WAL is not archived. */
  readonly archive: ArchivePolicy | null;
  /** Null: initdb, with our options. */
  readonly bootstrap: BootstrapPolicy | null;
  /** Null: the cluster is on its own. */
  readonly standbyOf: Remote | null;
};

/** The part that the controllers record, and the part that never enters the history. */
export type ClusterDefinition = {
  readonly settings: ClusterSettings;
  readonly postgres: PostgresDefinition;
  readonly credentials: ClusterCredentials;
  readonly standbyOf?: Remote;
};

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
  ...commonAccessKeys,
  accessOverrides: field(accessOverridesSection.default({}), {
    about:
      'Lines of a role or an instance. They stand before those above: the first that fits counts.',
    rule: 'a mapping with primary, standby and instances',
    example: {},
  }),
  parameters: field(parametersSection.default({}), {
    about: 'Settings of postgresql.conf for every instance.',
    rule: PARAMETERS_RULE,
    example: { max_connections: 200, shared_buffers: '256MB' },
  }),
  overrides: field(overridesSection.default({}), {
    about: 'Settings of a role or an instance, in place of those above.',
    rule: 'a mapping with primary, standby and instances',
    example: {},
  }),
  settings: field(settingsSchema.default({}), {
    about: 'How the cluster is kept. Times in milliseconds.',
    rule: 'a mapping of settings',
    example: {},
  }),
  slots: field(slotsSection.default({}), {
    about: 'Replication slots.',
    rule: 'a mapping with permanent, ignore, unknown and memberTtlMs',
    example: {},
  }),
  rebuild: field(rebuildSection.default({}), {
    about: 'How instances get their data, and when they get it anew.',
    rule: 'a mapping of settings',
    example: {},
  }),
  archive: field(archiveSection.optional(), {
    about: 'Archiving of WAL by the primary.',
    rule: 'a mapping with tool',
    example: { tool: 'pgbackrest' },
  }),
  bootstrap: field(bootstrapSection.optional(), {
    about: 'Where the first data comes from: initdb, or a backup. Read once, when it is created.',
    rule: 'a mapping with tool, target, initdbOptions and sql',
    example: { sql: ['CREATE DATABASE app'] },
  }),
  standbyOf: field(standbySection.optional(), {
    about:
      'The cluster begins as a copy of this one (by rebuild.methods; bootstrap is not read) and follows it until ' +
      '`matriarch promote-cluster`; users and passwords as there.',
    rule: 'a mapping with host, port, slot and user, or with archive alone',
    example: { host: '10.1.0.11,10.1.0.12,10.1.0.13', slot: 'site_b' },
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
    ...resolveAccess(raw, [], resolution),
    accessOverrides: resolveAccessOverrides(raw.accessOverrides, resolution),
    parameters: resolveParameters(raw.parameters, ['parameters'], resolution),
    overrides: resolveOverrides(raw.overrides, resolution),
    settings: resolveSettings(raw.settings, resolution),
    slots: resolveSlots(raw.slots),
    rebuild: resolveRebuild(raw.rebuild),
    archive: raw.archive === undefined ? null : resolveArchive(raw.archive),
    bootstrap: raw.bootstrap === undefined ? null : resolveBootstrap(raw.bootstrap, resolution),
    standbyOf: raw.standbyOf === undefined ? null : resolveStandby(raw.standbyOf, resolution),
  };
}

export function toClusterDefinition(file: ClusterFile): ClusterDefinition {
  const { superuser, replication, rewind, settings, parameters, pgHba, pgIdent } = file;
  const { overrides, rebuild, archive, slots, bootstrap, standbyOf } = file;
  const accessOverrides = accessThatSays(file.accessOverrides);
  return {
    settings,
    postgres: {
      superuser: superuser.username,
      replicationUser: replication.username,
      rewindUser: rewind.username,
      parameters,
      pgHba,
      ...(pgIdent.length === 0 ? {} : { pgIdent }),
      ...(saysNothing(overrides) ? {} : { overrides }),
      ...(accessOverrides === null ? {} : { accessOverrides }),
      slots,
      rebuild,
      ...(archive === null ? {} : { archive }),
      ...(bootstrap === null ? {} : { bootstrap }),
    },
    credentials: { superuser, replication, rewind },
    ...(standbyOf === null ? {} : { standbyOf }),
  };
}

function credential(raw: { username: string; password?: string | undefined }): Credential {
  return { username: raw.username, password: raw.password ?? null };
}

function saysNothing({ primary, standby, instances }: ParameterOverrides): boolean {
  const names = [primary, standby, ...Object.values(instances)].flatMap(Object.keys);
  return names.length === 0;
}
