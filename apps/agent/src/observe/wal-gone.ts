import { formatLsn, type Lsn, maxLsn, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { type InstanceObservation, SqlSession, type SqlTarget } from '#libs/postgres-run';

/** Whom the standby should stream from; null while that is nobody. */
export type AskUpstream = () => SqlTarget | null;

/** Without a receiver and without a step forward for this long, it is found out why. */
const ASK_AFTER_MS = 6_000;
const ASK_INTERVAL_MS = 3_000;

/**
 * Whether the upstream still has the WAL file that a standby which cannot stream would ask for next. A
 * slot that was lost (`max_slot_wal_keep_size`), or a member that was away for long, shows as that.
 */
export class WalGone {
  why: string | null = null;
  #stuckAt: Lsn | null = null;
  #receiverPid: number | null = null;
  #sinceMs = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #busy = false;

  constructor(
    readonly upstream: AskUpstream,
    readonly log: Logger,
  ) {}

  /** After each look; asks beside it, nearly never. */
  look(nowMs: number, sql: InstanceObservation | null, walEnd: Lsn | null): void {
    const role = sql?.kind === 'reachable' && sql.role.kind === 'standby' ? sql.role : null;
    const pid = role?.receiver?.pid ?? null;
    // One that is refused is started again and again, and shown for a moment each time.
    const streams = pid !== null && pid === this.#receiverPid;
    this.#receiverPid = pid;
    if (role === null || streams) {
      this.why = role === null ? this.why : null;
      this.#stuckAt = null;
      return;
    }
    const at = maxLsn(role.replayedLsn, walEnd ?? role.replayedLsn);
    if (at !== this.#stuckAt) {
      this.why = null;
      this.#stuckAt = at;
      this.#sinceMs = nowMs;
    }
    const due = nowMs - this.#sinceMs >= ASK_AFTER_MS && nowMs - this.#askedMs >= ASK_INTERVAL_MS;
    if (!due || this.#busy) return;
    this.#askedMs = nowMs;
    this.#busy = true;
    void this.#ask(at).finally(() => {
      this.#busy = false;
    });
  }

  async #ask(at: Lsn): Promise<void> {
    const target = this.upstream();
    if (target === null) return;
    const session = new SqlSession(target);
    try {
      const [row] = await session.query(PRESENT_SQL, [String(at)]);
      const present = row?.['present'] === true;
      if (at !== this.#stuckAt) return;
      this.why = present
        ? null
        : `WAL from ${formatLsn(at)} on is needed, and ${target.host}:${target.port} has removed it`;
    } catch (error) {
      this.log.debug('upstream not asked for WAL', { why: messageOf(error) });
    } finally {
      session.close();
    }
  }
}

/** The file's number without its timeline; the one of any timeline will do. */
const PRESENT_SQL = `
WITH size AS (SELECT setting::numeric AS bytes FROM pg_settings WHERE name = 'wal_segment_size'),
     wanted AS (SELECT floor($1::numeric / bytes) AS number, 4294967296 / bytes AS per_log FROM size)
SELECT EXISTS (
  SELECT FROM wanted, pg_ls_dir('pg_wal', true, false) AS file
   WHERE length(file) = 24
     AND substr(file, 9) = lpad(upper(to_hex(floor(number / per_log)::bigint)), 8, '0')
                        || lpad(upper(to_hex(mod(number, per_log)::bigint)), 8, '0')) AS present`;
