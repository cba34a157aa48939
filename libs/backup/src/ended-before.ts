import type { RecoveryTarget } from '#libs/cluster';
import { type Lsn, parseLsn } from '#libs/kernel';

export type BackupEnd = { readonly endedAtMs: number | null; readonly endLsn: Lsn | null };

/**
 * Whether recovery can bring a backup to the target: it must have ended before. Of a name or a transaction nobody
 * but the WAL tells where it is.
 */
export function endedBefore(
  { endedAtMs, endLsn }: BackupEnd,
  target: RecoveryTarget | null,
): boolean {
  if (target?.kind === 'lsn') return endLsn !== null && endLsn <= parseLsn(target.value);
  if (target?.kind !== 'time') return true;
  const limitMs = Date.parse(target.value);
  // In a form of PostgreSQL's own: it says itself whether the target comes before the end.
  return Number.isNaN(limitMs) || (endedAtMs !== null && endedAtMs <= limitMs);
}
