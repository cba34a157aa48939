import { formatLsn, type Lsn, parseLsn } from '#libs/kernel';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

/**
 * What a crash left on the primary may have been acknowledged to nobody. Clients come in once so many
 * members of the set that a failover relies on have it that every failover would keep it (safety 12).
 */
export async function admitClients(context: StepContext): Promise<void> {
  const { local, state, sql, facts, log } = context;
  const awaited = facts.clientsAwait;
  if (awaited === null) return;
  const [row] = await sql.query(
    `SELECT pg_current_wal_flush_lsn()::text AS flushed,
            (SELECT coalesce(jsonb_object_agg(application_name, flush_lsn::text), '{}')
               FROM pg_stat_replication WHERE flush_lsn IS NOT NULL) AS standbys`,
    [],
  );
  const recoveredTo = facts.recoveredTo ?? parseLsn(String(row?.['flushed']));
  facts.recoveredTo = recoveredTo;
  const have = awaited.names.filter((name) => flushedBy(row?.['standbys'], name) >= recoveredTo);
  if (have.length < awaited.count) {
    const at = formatLsn(recoveredTo);
    throw new NotYetError(
      `clients are kept out: ${have.length} of ${awaited.count} standbys have ${at}`,
    );
  }
  facts.clientsAwait = null;
  facts.recoveredTo = null;
  await context.needCredentials();
  local.refreshConfiguration(state, true);
  log.info('clients are let in', { recoveredTo: formatLsn(recoveredTo) });
  await context.reportNow();
}

function flushedBy(standbys: unknown, name: string): Lsn {
  const positions = typeof standbys === 'object' && standbys !== null ? standbys : {};
  const text = (positions as Record<string, unknown>)[name];
  return parseLsn(typeof text === 'string' ? text : '0/0');
}
