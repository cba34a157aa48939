import type { Endpoint, Parameters, PostgresDefinition, RemotePrimary } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import {
  applicationNameOf,
  formatConninfo,
  managedReason,
  type ServerVersion,
  type Settings,
  slotNameOf,
} from '#libs/postgres-model';

import { hostAndPort } from './upstream.ts';

export type SettingsRequest = {
  readonly config: AgentConfig;
  readonly version: ServerVersion;
  readonly definition: PostgresDefinition;
  /** In the place of defaults for now. */
  readonly forNow: Settings;
  /** What operators set, for this instance in its role. */
  readonly parameters: Parameters;
  /** Null: follows nobody. */
  readonly upstream: Endpoint | null;
  /** `upstream` is this one, outside of the cluster; null: a member. */
  readonly remote: RemotePrimary | null;
  readonly dataId: string;
  readonly passFile: string;
  /** Our scripts around the archive's programs. */
  readonly wal: Settings;
  /** What commits wait for, as PostgreSQL reads it; empty for nobody. */
  readonly synchronousStandbyNames: string;
};

/** What an operator may change with the cluster's `parameters`. */
const DEFAULTS: Settings = {
  wal_level: 'replica',
  max_wal_senders: '16',
  max_replication_slots: '16',
  wal_sender_timeout: '10s',
  wal_receiver_timeout: '10s',
  // A standby whose primary comes back asks again soon (PostgreSQL's default is five seconds), and starts few processes for
  // nothing while a switchover has it stopped. A change of the upstream is followed at once in any case.
  wal_retrieve_retry_interval: '500ms',
  password_encryption: 'scram-sha-256',
  archive_mode: 'off',
};

/** Seconds and probes after which a dead upstream is noticed. */
const CONNECTION = {
  connect_timeout: '2',
  keepalives_idle: '2',
  keepalives_interval: '1',
  keepalives_count: '3',
};

/** All settings of the managed file: defaults, then the operator's, then those that only we decide. */
export function settingsOf(request: SettingsRequest): Settings {
  const { config, version, parameters } = request;
  const given = Object.entries(parameters).filter(([name]) => managedReason(name) === undefined);
  const keepWal = version.major >= 13 ? { wal_keep_size: '256MB' } : { wal_keep_segments: '16' };
  // One call for the file system instead of one for each file: half a second of a restart in place.
  const syncOnce = version.major >= 14 ? { recovery_init_sync_method: 'syncfs' } : {};
  return {
    ...DEFAULTS,
    ...keepWal,
    ...syncOnce,
    ...request.forNow,
    ...Object.fromEntries(given),
    ...connectionSettings(config),
    hot_standby: 'on',
    wal_log_hints: 'on',
    restart_after_crash: 'off',
    default_transaction_read_only: 'off',
    synchronous_standby_names: request.synchronousStandbyNames,
    recovery_target_timeline: 'latest',
    ...logicalSlotSettings(request),
    ...request.wal,
    cluster_name: `${config.cluster}/${config.instance}`,
    ...upstreamSettings(request),
  };
}

/** The part that names the upstream, by itself: a repoint changes nothing else. */
export function upstreamSettings(
  request: Pick<
    SettingsRequest,
    'config' | 'definition' | 'upstream' | 'remote' | 'dataId' | 'passFile'
  >,
): Settings {
  const { config, definition, upstream, remote, dataId, passFile } = request;
  if (upstream === null) return { primary_conninfo: '', primary_slot_name: '' };
  const { cluster, instance } = config;
  return {
    primary_conninfo: formatConninfo({
      ...hostAndPort(upstream),
      user: remote?.user ?? definition.replicationUser,
      // The server's own copying of slots (17) looks into a database; streaming does not.
      ...(hasLogicalSlots(definition) ? { dbname: 'postgres' } : {}),
      application_name: applicationNameOf({ cluster, instance, dataId }),
      passfile: passFile,
      ...CONNECTION,
      // Of several hosts the primary; its standbys would hand on the same, only later.
      ...(upstream.host.includes(',') ? { target_session_attrs: 'read-write' } : {}),
    }),
    primary_slot_name: remote === null ? slotNameOf(instance) : (remote.slot ?? ''),
  };
}

/** What a logical slot needs to outlive its primary: rows of the catalogue are kept for it everywhere. */
function logicalSlotSettings({ version, definition }: SettingsRequest): Settings {
  if (!hasLogicalSlots(definition)) return {};
  const native = version.major >= 17 ? { sync_replication_slots: 'on' } : {};
  return { hot_standby_feedback: 'on', ...native };
}

export function hasLogicalSlots({ slots }: PostgresDefinition): boolean {
  return Object.values(slots?.permanent ?? {}).some(({ type }) => type === 'logical');
}

function connectionSettings({ postgres }: AgentConfig): Settings {
  return {
    listen_addresses: postgres.listen.host,
    port: String(postgres.listen.port),
    unix_socket_directories: postgres.socketDirectory,
  };
}
