import type { InstanceName } from '#libs/kernel';

/** Every way to get the cluster's data into a data directory, in the order in which they are tried by default. */
export const REBUILD_METHODS = [
  'pg_rewind',
  'pgbackrest',
  'barman',
  'walg',
  'basebackup',
  'custom',
] as const;
export type RebuildMethod = (typeof REBUILD_METHODS)[number];

/** Tools that keep backups and WAL somewhere else. */
export const BACKUP_TOOLS = ['pgbackrest', 'barman', 'walg', 'custom'] as const;
export type BackupTool = (typeof BACKUP_TOOLS)[number];

export type RebuildPolicy = {
  /** Tried one after the other until one succeeds. */
  readonly methods: readonly RebuildMethod[];
  /** Whether an instance that holds data is rebuilt without an operator. An empty one always is filled. */
  readonly automaticRebuild: 'never' | 'whenSafe';
  /**
   * An operator's standing word that a directory may be changed in place (pg_rewind) although no other
   * standby holds all data at that moment (safety 25).
   */
  readonly inPlaceAlone: boolean;
  /** Of what is copied; null: as fast as it goes. */
  readonly bandwidthBytesPerSecond: number | null;
};

/** How a cluster without the section is kept: as it was before there was one. */
export const DEFAULT_REBUILD_POLICY: RebuildPolicy = {
  methods: ['pg_rewind', 'basebackup'],
  automaticRebuild: 'whenSafe',
  inPlaceAlone: false,
  bandwidthBytesPerSecond: null,
};

/** WAL is archived by the holder of the lease with this tool. */
export type ArchivePolicy = { readonly tool: BackupTool };

export const TARGET_KINDS = ['time', 'lsn', 'name', 'xid'] as const;

/** Where recovery of the first data directory ends; without one at the end of the archive. */
export type RecoveryTarget = {
  readonly kind: (typeof TARGET_KINDS)[number];
  readonly value: string;
};

/** How the cluster's first data directory comes to be. */
export type BootstrapPolicy = {
  /** The backup that it is restored from; null: initdb. */
  readonly source: { readonly tool: BackupTool; readonly target: RecoveryTarget | null } | null;
  /**
   * These instances have data already, of one database: nothing is made, and what another system runs
   * of them is restarted beneath our guards. Absent: none has.
   */
  readonly adopt?: readonly InstanceName[];
  /** Given to initdb as they are, after ours. */
  readonly initdbOptions: readonly string[];
  /** Statements that the superuser runs once in database postgres, before anybody can connect. */
  readonly sql: readonly string[];
};

/** How a cluster without the section begins: as it was before there was one. */
export const DEFAULT_BOOTSTRAP: BootstrapPolicy = { source: null, initdbOptions: [], sql: [] };
