import { join, relative } from 'node:path';
import type * as z from 'zod';
import type { BackupSettings } from '#libs/backup';
import type { Endpoint, InstanceTags } from '#libs/cluster';
import type { ClusterName, InstanceName } from '#libs/kernel';
import type { WatchdogSettings } from '#libs/protocol';
import type { agentSchema } from './agent-schema.ts';
import { resolveBackup } from './backup-schema.ts';
import { isWildcard } from './field.ts';
import { type HookSettings, resolveHooks } from './hooks-section.ts';
import {
  checkControllers,
  checkSocketPath,
  endpoint,
  type Resolution,
  resolveTls,
  type TlsPaths,
} from './resolve.ts';
import type { ControllerEntry, LogLevel } from './shared-fields.ts';

export type AgentConfig = {
  readonly cluster: ClusterName;
  readonly instance: InstanceName;
  readonly stateDirectory: string;
  readonly controllers: readonly ControllerEntry[];
  readonly tls: TlsPaths;
  /** The guard's own identity under the same authority. */
  readonly guardTls: TlsPaths;
  readonly api: { readonly listen: Endpoint; readonly advertise: Endpoint };
  readonly postgres: {
    readonly dataDirectory: string;
    /** For a data directory that is made anew; null: within it. */
    readonly walDirectory: string | null;
    /** From a location on the primary's host to the one here. */
    readonly tablespaces: Readonly<Record<string, string>>;
    /** Null: the newest that Debian or PATH offer. */
    readonly binDirectory: string | null;
    readonly listen: Endpoint;
    readonly advertise: Endpoint;
    readonly socketDirectory: string;
    /** The OS user that owns the data directory; processes started as root change to it. */
    readonly user: string;
  };
  readonly tags: InstanceTags;
  readonly backup: BackupSettings;
  readonly hooks: HookSettings;
  readonly watchdog: WatchdogSettings;
  /** What a SIGTERM means for PostgreSQL. */
  readonly onTerminate: 'handOver' | 'keepRunning';
  readonly logLevel: LogLevel;
};

type RawAgent = z.output<typeof agentSchema>;

export function resolveAgent(raw: RawAgent, resolution: Resolution): AgentConfig {
  checkControllers(raw.controllers, resolution);
  const stateDirectory = resolution.path(raw.stateDirectory);
  checkSocketPath(['stateDirectory'], join(stateDirectory, 'guard.sock'), resolution);
  const postgres = resolvePostgres(raw, resolution);
  if (isInside(stateDirectory, postgres.dataDirectory)) {
    resolution.refuse(
      ['stateDirectory'],
      `stateDirectory ${stateDirectory} lies in postgres.dataDirectory, which a rebuild empties: ` +
        'use a directory outside it',
    );
  }
  const tls = resolveTls(raw.tls, resolution);
  const { replicateFrom } = raw.tags;
  if (replicateFrom === raw.instance) {
    const why = `tags.replicateFrom is ${replicateFrom}, which is this instance itself`;
    resolution.refuse(['tags', 'replicateFrom'], `${why}: name another one, or leave it out`);
  }
  return {
    cluster: raw.cluster,
    instance: raw.instance,
    stateDirectory,
    controllers: raw.controllers,
    tls,
    guardTls: {
      ca: tls.ca,
      certificate: resolution.path(raw.guard.certificate),
      key: resolution.path(raw.guard.key),
    },
    api: { listen: endpoint(raw.api), advertise: apiAdvertise(raw, postgres.advertise) },
    postgres,
    tags: tagsOf(raw.tags),
    backup: resolveBackup(raw.backup, resolution),
    hooks: resolveHooks(raw.hooks),
    watchdog: raw.watchdog,
    onTerminate: raw.onTerminate,
    logLevel: raw.logLevel,
  };
}

/** A priority of 0 is a candidate never, as in Patroni; from here on there is one word for it. */
function tagsOf({ zone, replicateFrom, ...tags }: RawAgent['tags']): InstanceTags {
  return {
    ...tags,
    noFailover: tags.noFailover || tags.failoverPriority === 0,
    ...(zone === undefined ? {} : { zone }),
    ...(replicateFrom === undefined ? {} : { replicateFrom }),
  };
}

function resolvePostgres(raw: RawAgent, resolution: Resolution): AgentConfig['postgres'] {
  const { listen, advertise, binDirectory, user, walDirectory, tablespaces } = raw.postgres;
  if (isWildcard(listen.host) && advertise === undefined) {
    resolution.refuse(
      ['postgres', 'listen', 'host'],
      `postgres.listen.host is ${listen.host}, which nobody can connect to: ` +
        'say in postgres.advertise where standbys and clients reach this instance',
    );
  }
  const socketDirectory = resolution.path(raw.postgres.socketDirectory);
  const socket = join(socketDirectory, `.s.PGSQL.${listen.port}`);
  checkSocketPath(['postgres', 'socketDirectory'], socket, resolution);
  return {
    dataDirectory: resolution.path(raw.postgres.dataDirectory),
    walDirectory: walDirectory === undefined ? null : resolution.path(walDirectory),
    tablespaces,
    binDirectory: binDirectory === undefined ? null : resolution.path(binDirectory),
    listen: endpoint(listen),
    advertise: endpoint(advertise ?? listen),
    socketDirectory,
    user,
  };
}

function apiAdvertise(raw: RawAgent, postgres: Endpoint): Endpoint {
  if (raw.api.advertise !== undefined) return endpoint(raw.api.advertise);
  return isWildcard(raw.api.host) ? { host: postgres.host, port: raw.api.port } : endpoint(raw.api);
}

function isInside(inner: string, outer: string): boolean {
  return !relative(outer, inner).startsWith('..');
}
