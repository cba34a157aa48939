import type { Parameters } from '#libs/cluster';

/** What a server has when nothing is said: PostgreSQL's own defaults (chapter 20), and ours of `settingsOf`. */
const UNSAID: Readonly<Record<string, number>> = {
  max_connections: 100,
  max_worker_processes: 8,
  max_wal_senders: 16,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
};

/**
 * Parameters with what a standby needs at least to start. What is enough stays unsaid: a line that goes again with the
 * next writing would wait for a restart ever after, even if it said the default.
 */
export function raised(
  parameters: Parameters,
  atLeast: Readonly<Record<string, number>>,
): Parameters {
  const missing = Object.entries(atLeast).filter(([name, least]) => {
    const has = Number(parameters[name] ?? UNSAID[name] ?? 0);
    return !(has >= least);
  });
  return {
    ...parameters,
    ...Object.fromEntries(missing.map(([name, least]) => [name, String(least)])),
  };
}
