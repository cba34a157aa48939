/** A standby that has less of these cannot replay, and so not become, what the primary was. */
export const CAPACITY_SETTINGS = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
] as const;

/** What a server has of each when nothing is said: PostgreSQL's own defaults (chapter 20), and the agent's for senders. */
export const UNSAID_CAPACITY: Readonly<Record<string, number>> = {
  max_connections: 100,
  max_worker_processes: 8,
  max_wal_senders: 16,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
};
