import { type Lsn, messageOf, parseLsn } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { SqlSession } from '#libs/postgres-run';
import type { AskUpstream } from '../observe/wal-gone.ts';

const ASK_INTERVAL_MS = 500;

const END_SQL = `
SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text AS lsn`;

/**
 * Where the upstream's WAL ends, asked of itself. A receiver hears it with the next record only: from a
 * primary at rest not for many seconds.
 */
export class UpstreamEnd {
  #lsn: Lsn | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;
  #busy = false;

  constructor(
    readonly upstream: AskUpstream,
    readonly log: Logger,
  ) {}

  /** What it said last; null until then. Asks beside the caller. */
  ask(nowMs: number): Lsn | null {
    if (!this.#busy && nowMs - this.#askedMs >= ASK_INTERVAL_MS) {
      this.#askedMs = nowMs;
      this.#busy = true;
      void this.#ask().finally(() => {
        this.#busy = false;
      });
    }
    return this.#lsn;
  }

  forget(): void {
    this.#lsn = null;
  }

  async #ask(): Promise<void> {
    const target = this.upstream();
    if (target === null) return;
    const session = new SqlSession(target);
    try {
      const [row] = await session.query(END_SQL);
      const lsn = row?.['lsn'];
      if (typeof lsn === 'string') this.#lsn = parseLsn(lsn);
    } catch (error) {
      this.log.debug('upstream not asked where its WAL ends', { why: messageOf(error) });
    } finally {
      session.close();
    }
  }
}
