/** Settings that an operator cannot give, each with the reason that the refusal shows. */
export const MANAGED_PARAMETERS: Readonly<Record<string, string>> = {
  primary_conninfo: 'whom a standby follows is decided by the controllers',
  primary_slot_name: 'slots are named after instances',
  restore_command: 'a detached standby must not replay what the old primary archives',
  archive_command: 'only the holder of the lease may put files into the archive',
  archive_library: 'only the holder of the lease may put files into the archive',
  archive_cleanup_command: 'the archive belongs to the holder of the lease',
  recovery_target: 'a restore takes its target from the bootstrap request',
  recovery_target_action: 'a restore takes its target from the bootstrap request',
  recovery_target_inclusive: 'a restore takes its target from the bootstrap request',
  recovery_target_lsn: 'a restore takes its target from the bootstrap request',
  recovery_target_name: 'a restore takes its target from the bootstrap request',
  recovery_target_time: 'a restore takes its target from the bootstrap request',
  recovery_target_timeline: 'timelines are chosen by the record of the controllers',
  recovery_target_xid: 'a restore takes its target from the bootstrap request',
  recovery_end_command: 'a promotion must not wait for a program',
  promote_trigger_file: 'a promotion needs the lease',
  synchronous_standby_names: 'the set must match what a failover may rely on',
  restart_after_crash: 'a restart that the guard does not see could write without a lease',
  hot_standby: 'a standby must answer, so that it can be observed',
  wal_log_hints: 'pg_rewind needs it',
  default_transaction_read_only: 'it is how a switchover pauses new writes',
  cluster_name: 'processes of an instance are recognised by it',
  config_file: 'the files of an instance are written by its agent',
  data_directory: 'it is a setting of the agent',
  hba_file: 'the files of an instance are written by its agent',
  ident_file: 'the files of an instance are written by its agent',
  external_pid_file: 'the guard is the parent of the postmaster',
  listen_addresses: 'it is a setting of the agent',
  port: 'it is a setting of the agent',
  unix_socket_directories: 'it is a setting of the agent',
};

export function managedReason(parameter: string): string | undefined {
  const name = parameter.toLowerCase();
  return Object.hasOwn(MANAGED_PARAMETERS, name) ? MANAGED_PARAMETERS[name] : undefined;
}

/**
 * Whether `postgresql.auto.conf` must not set it: that file wins over ours, and `pg_basebackup -R`,
 * restores and `ALTER SYSTEM` write there (safety 6).
 */
export function isOursInAutoConf(parameter: string): boolean {
  return managedReason(parameter) !== undefined;
}
