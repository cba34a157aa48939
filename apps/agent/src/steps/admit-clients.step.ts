import { wouldAcknowledge } from '#libs/cluster';
import { formatLsn, type Lsn, parseLsn } from '#libs/kernel';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

/**
 * What a crash left on the primary may have been acknowledged to nobody. Clients come in once so many
 * standbys have it that a commit would be acknowledged: then every failover keeps it (safety 12).
 */
export async function admitClients(context: StepContext): Promise<void> {
  const { local, state, sql, facts, log } = context;
  if (!facts.clientsKeptOut) return;
  const [row] = await sql.query(
    `SELECT pg_current_wal_flush_lsn()::text AS flushed,
            (SELECT coalesce(jsonb_object_agg(application_name, flush_lsn::text), '{}')
               FROM pg_stat_replication WHERE flush_lsn IS NOT NULL) AS standbys`,
    [],
  );
  const recoveredTo = facts.recoveredTo ?? parseLsn(String(row?.['flushed']));
  facts.recoveredTo = recoveredTo;
  const hasFlushed = (name: string) => flushedBy(row?.['standbys'], name) >= recoveredTo;
  if (!wouldAcknowledge(state, hasFlushed)) {
    const at = formatLsn(recoveredTo);
    throw new NotYetError(`clients are kept out until standbys have ${at}, as commits wait for`);
  }
  await context.needCredentials();
  facts.clientsKeptOut = false;
  facts.recoveredTo = null;
  local.refreshConfiguration(state, true);
  log.info('clients are let in', { recoveredTo: formatLsn(recoveredTo) });
  await context.reportNow();
}

function flushedBy(standbys: unknown, name: string): Lsn {
  const positions = typeof standbys === 'object' && standbys !== null ? standbys : {};
  const text = (positions as Record<string, unknown>)[name];
  return parseLsn(typeof text === 'string' ? text : '0/0');
}
