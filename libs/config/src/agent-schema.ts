import * as z from 'zod';
import type { InstanceTags } from '#libs/cluster';
import { clusterName, instanceName } from '#libs/kernel';
import { DEFAULT_WATCHDOG } from '#libs/protocol';
import { backupSchema, tablespacesField, walDirectoryField } from './backup-schema.ts';
import { field, NAME_RULE, nameSchema, PORT_RULE, portSchema } from './field.ts';
import { hooksSection, NO_HOOKS_SET } from './hooks-section.ts';
import {
  advertiseField,
  controllersField,
  hostField,
  logLevelField,
  PATH_RULE,
  pathField,
  portField,
  tlsField,
} from './shared-fields.ts';

const DEFAULT_TAGS = {
  noFailover: false,
  noLoadBalance: false,
  failoverPriority: 1,
  noSync: false,
  syncPriority: 1,
  noStream: false,
  cloneFrom: false,
  custom: {},
} satisfies InstanceTags;
const DEFAULT_API = { host: '0.0.0.0', port: 8008 };
const HOST_AND_PORT = 'a mapping with host and port';

function switchField(about: string) {
  const rule = 'true or false';
  return field(z.boolean().default(false), { about, rule, example: false });
}

const postgresSchema = z.strictObject({
  dataDirectory: pathField(
    'The data directory. Created when empty; rebuilt from the primary when it must be.',
    '/var/lib/postgresql/15/main',
  ),
  walDirectory: walDirectoryField,
  tablespaces: tablespacesField,
  binDirectory: field(z.string().min(1).optional(), {
    about: "PostgreSQL's programs; by default the newest installed.",
    rule: PATH_RULE,
    example: '/usr/lib/postgresql/15/bin',
  }),
  listen: field(
    z.strictObject({
      host: hostField('Interface to listen on; 0.0.0.0 for all.', '10.0.0.11'),
      port: portField('Port of PostgreSQL.', 5432),
    }),
    { about: 'Where PostgreSQL listens.', rule: HOST_AND_PORT, example: null },
  ),
  advertise: advertiseField(
    'Where standbys and clients reach PostgreSQL; where it listens by default.',
    '10.0.0.11',
    5432,
  ),
  socketDirectory: pathField(
    'Directory of its Unix socket; at most 90 bytes.',
    '/var/run/postgresql',
  ),
  user: field(
    z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
      .default('postgres'),
    {
      about: 'OS user that runs PostgreSQL, agent and guard.',
      rule: 'the name of an OS user',
      example: 'postgres',
    },
  ),
});

const tagsSchema = z.strictObject({
  noFailover: switchField('Never becomes primary.'),
  noLoadBalance: switchField('Answers no at /replica.'),
  failoverPriority: field(z.int().min(0).max(1_000).default(1), {
    about:
      'Decides among candidates with equal positions; higher is preferred, 0 is never a candidate ' +
      '(as noFailover).',
    rule: 'a whole number from 0 to 1000',
    example: 1,
  }),
  zone: field(z.string().min(1).max(63).optional(), {
    about: 'Where it stands (a data centre, a rack): see failoverZones of the cluster.',
    rule: 'a name of at most 63 characters',
    example: 'dc1',
  }),
  noSync: switchField('No commit ever waits for it.'),
  replicateFrom: field(nameSchema(instanceName).optional(), {
    about: 'Streams from this instance in place of the primary, while that one streams itself.',
    rule: `an instance name: ${NAME_RULE}`,
    example: 'pg2',
  }),
  noStream: switchField('Fed by the archive alone (backup must name a tool that fetches WAL).'),
  cloneFrom: switchField('Copies of others are made from it rather than from the primary.'),
  custom: field(
    z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,63}$/), z.string().max(255)).default({}),
    {
      about: 'Tags of your own: shown, and asked for by load balancers as ?tag_key=value.',
      rule: 'a mapping of names to text',
      example: { rack: 'b2' },
    },
  ),
  syncPriority: field(z.int().min(0).max(1_000).default(1), {
    about: 'Synchronous mode priority: commits wait for the highest first.',
    rule: 'a whole number from 0 to 1000',
    example: 1,
  }),
});

const watchdogSchema = z.strictObject({
  mode: field(z.enum(['off', 'automatic', 'required']).default(DEFAULT_WATCHDOG.mode), {
    about: 'automatic: used where it can be; required: without it this host is never primary.',
    rule: 'off, automatic or required',
    example: DEFAULT_WATCHDOG.mode,
  }),
  device: field(z.string().startsWith('/').default(DEFAULT_WATCHDOG.device), {
    about: 'The device; the OS user that runs PostgreSQL must be able to open it.',
    rule: 'an absolute path',
    example: DEFAULT_WATCHDOG.device,
  }),
  safetyMarginMs: field(z.int().min(0).max(60_000).default(DEFAULT_WATCHDOG.safetyMarginMs), {
    about: 'It resets the host at least this long before the lease ends.',
    rule: 'a whole number of milliseconds from 0 to 60000',
    example: DEFAULT_WATCHDOG.safetyMarginMs,
  }),
});

export const agentSchema = z.strictObject({
  cluster: field(nameSchema(clusterName), {
    about: 'The cluster that this instance belongs to.',
    rule: `a cluster name: ${NAME_RULE}`,
    example: 'main',
  }),
  instance: field(nameSchema(instanceName), {
    about: 'Name of this instance, once in its cluster.',
    rule: `an instance name: ${NAME_RULE}`,
    example: 'pg1',
  }),
  stateDirectory: pathField(
    "Agent's and guard's state; not inside the data directory.",
    '/var/lib/matriarch/main-pg1',
  ),
  controllers: controllersField,
  tls: tlsField('agent, name <cluster>/<instance>', 'agent-main-pg1'),
  guard: field(
    z.strictObject({
      certificate: pathField('A certificate of role guard (PEM).', 'tls/guard-main-pg1.crt'),
      key: pathField('Its private key (PEM).', 'tls/guard-main-pg1.key'),
    }),
    {
      about: 'The guard has its own identity, under the same authority and with the same name.',
      rule: 'a mapping with certificate and key',
      example: null,
    },
  ),
  api: field(
    z
      .strictObject({
        host: hostField('Interface to listen on; 0.0.0.0 for all.', '0.0.0.0'),
        port: field(portSchema.default(8008), {
          about: 'Port of the health endpoints.',
          rule: PORT_RULE,
          example: 8008,
        }),
        advertise: advertiseField('Where others reach it.', '10.0.0.11', 8008),
      })
      .default(DEFAULT_API),
    {
      about: 'Health endpoints for load balancers, and /metrics.',
      rule: HOST_AND_PORT,
      example: DEFAULT_API,
    },
  ),
  postgres: field(postgresSchema, {
    about: 'The PostgreSQL instance.',
    rule: 'a mapping that describes PostgreSQL',
    example: null,
  }),
  watchdog: field(watchdogSchema.default(DEFAULT_WATCHDOG), {
    about: 'The watchdog timer of this host, fed while PostgreSQL is a primary.',
    rule: 'a mapping with mode, device and safetyMarginMs',
    example: DEFAULT_WATCHDOG,
  }),
  tags: field(tagsSchema.default(DEFAULT_TAGS), {
    about: 'What this instance may be used for.',
    rule: 'a mapping of tags',
    example: DEFAULT_TAGS,
  }),
  backup: field(backupSchema.default({}), {
    about: 'Backup tools that this host can use.',
    rule: 'a mapping of tools',
    example: {},
  }),
  hooks: field(hooksSection.default(NO_HOOKS_SET), {
    about: 'Programs of yours that are run around what happens here, as the user above.',
    rule: 'a mapping of programs and their limits',
    example: {},
  }),
  onTerminate: field(z.enum(['handOver', 'keepRunning']).default('keepRunning'), {
    about:
      'At SIGTERM: hand over and stop PostgreSQL (a host that shuts down), or leave it running.',
    rule: 'handOver or keepRunning',
    example: 'keepRunning',
  }),
  logLevel: logLevelField,
});
