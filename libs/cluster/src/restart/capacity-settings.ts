/** A standby that has less of these cannot replay, and so not become, what the primary was. */
export const CAPACITY_SETTINGS = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
] as const;
