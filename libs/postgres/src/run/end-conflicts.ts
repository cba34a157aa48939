import { isWaiting, postgresProcessKind, type ServerVersion } from '#libs/postgres-model';
import type { InstanceProcesses } from '#libs/process';
import type { SqlSession } from './sql-session.ts';

const ASK_TIMEOUT_MS = 150;
/** Older ones show in the title only that startup waits for a conflict. */
const NAMES_CONFLICTS_MAJOR = 14;

/** Sessions that may hold up replay: those with a snapshot, and those that startup's lock waits for. */
const END_SQL = `
SELECT count(pg_terminate_backend(blocker.pid)) AS ended
  FROM pg_stat_activity startup, pg_stat_activity blocker
 WHERE startup.backend_type = 'startup'
   AND ($1 OR startup.wait_event LIKE 'RecoveryConflict%'
           OR startup.wait_event_type IN ('Lock', 'BufferPin'))
   AND blocker.backend_type = 'client backend' AND blocker.pid <> pg_backend_pid()
   AND (blocker.backend_xmin IS NOT NULL OR blocker.pid = ANY (pg_blocking_pids(startup.pid)))`;

/**
 * Ends the sessions whose snapshots or locks keep the startup process of a standby in a recovery
 * conflict, so that it reads the reload and a promotion is not held up (safety 6 and 8).
 *
 * @returns how many; 0 also when the standby cannot be asked
 */
export async function endConflicts(
  session: SqlSession | undefined,
  processes: InstanceProcesses,
  version: ServerVersion,
): Promise<number> {
  const waits = version.major < NAMES_CONFLICTS_MAJOR && startupWaits(processes);
  try {
    const [row] = (await session?.query(END_SQL, [waits], ASK_TIMEOUT_MS)) ?? [];
    return Number(row?.['ended'] ?? 0);
  } catch {
    // Detaching does not depend on it: the proof is the absence of the receiver.
    return 0;
  }
}

function startupWaits(processes: InstanceProcesses): boolean {
  const { processes: found } = processes.scan();
  return found.some(({ title }) => postgresProcessKind(title) === 'startup' && isWaiting(title));
}
