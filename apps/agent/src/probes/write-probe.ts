import type { PrimaryStall } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { SqlSession } from '#libs/postgres-run';
import {
  WRITE_PROBE_ANSWER_MS,
  WRITE_PROBE_INTERVAL_MS,
  WRITE_PROBE_PATIENCE_MS,
  WRITE_PROBE_TURN_MS,
} from '../timing.ts';

/**
 * A record of our own, whose commit returns once it is on disk: `synchronous_commit = local` in this
 * session, so that no standby is waited for. It leaves nothing behind but some 60 bytes of WAL and a
 * transaction id, and it is not written while everything is on disk already: an idle server keeps its
 * quiet, with no segment to archive. Any client that waits for the disk has something unflushed.
 */
const WRITE_PROBE_SQL = `
SELECT CASE WHEN pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()
            THEN pg_logical_emit_message(true, 'matriarch', 'write probe') END`;

export type WriteProbeParts = {
  /** A connection that nothing else waits in. */
  readonly session: () => SqlSession;
  /** Whether a new connection gets an answer within the time, a refusal too, but not that nobody can be served. */
  readonly callPostmaster: (limitMs: number) => Promise<boolean>;
  readonly nowMs: () => number;
  readonly log: Pick<Logger, 'warn'>;
};

/**
 * Whether a primary still serves in what no look can tell: that WAL gets to disk, and that somebody can
 * connect. Each question is asked one at a time and never given up: a server that hangs is not hung
 * fuller by asking again.
 */
export class WriteProbe {
  readonly #flush = new Question('wal-flush');
  readonly #connect = new Question('connections');
  #pid: number | null = null;
  #dueMs = Number.NEGATIVE_INFINITY;
  /** Capped for each turn: an agent that was stopped itself has heard no answer, and that says nothing. */
  #clockMs = 0;
  #turnedAtMs: number | null = null;

  constructor(readonly parts: WriteProbeParts) {}

  /**
   * With each look. `primaryPid`: of a postmaster that runs as primary, and answered as one before; null
   * ends what was asked of an earlier one.
   */
  turn(primaryPid: number | null): void {
    this.#advance();
    if (primaryPid !== this.#pid) {
      this.#pid = primaryPid;
      this.#flush.forget();
      this.#connect.forget();
      this.parts.session().close();
      this.#dueMs = Number.NEGATIVE_INFINITY;
    }
    if (primaryPid === null) return;
    if (this.#clockMs < this.#dueMs) return;
    const againMs = this.stall === null ? WRITE_PROBE_INTERVAL_MS : WRITE_PROBE_ANSWER_MS;
    this.#dueMs = this.#clockMs + againMs;
    void this.#ask(this.#connect, () => this.parts.callPostmaster(WRITE_PROBE_ANSWER_MS));
    void this.#ask(this.#flush, () => this.#write());
  }

  #advance(): void {
    const nowMs = this.parts.nowMs();
    this.#clockMs += Math.min(nowMs - (this.#turnedAtMs ?? nowMs), WRITE_PROBE_TURN_MS);
    this.#turnedAtMs = nowMs;
  }

  /** Null while everything is answered in time. */
  get stall(): PrimaryStall | null {
    const nowMs = this.#clockMs;
    // Where nobody can connect, the question about the disk may not get through either.
    const [longest] = [this.#connect, this.#flush]
      .map(({ of, openSinceMs }) => ({ of, forMs: nowMs - (openSinceMs ?? nowMs) }))
      .sort((a, b) => b.forMs - a.forMs);
    if (longest === undefined || longest.forMs < WRITE_PROBE_ANSWER_MS) return null;
    return { of: longest.of, forMs: Math.round(longest.forMs) };
  }

  /** Whatever the server says is an answer; only silence is none. */
  async #write(): Promise<boolean> {
    try {
      await this.parts.session().query(WRITE_PROBE_SQL, [], WRITE_PROBE_PATIENCE_MS);
    } catch (error) {
      return !isSilence(error);
    }
    return true;
  }

  async #ask(question: Question, ask: () => Promise<boolean>): Promise<void> {
    const asked = question.begin(this.#clockMs);
    if (asked === null) return;
    let answered = false;
    try {
      answered = await ask();
    } catch (error) {
      this.parts.log.warn('write probe failed', { of: question.of, why: messageOf(error) });
    }
    const tookMs = question.end(asked, answered, this.#clockMs);
    if (tookMs !== null && tookMs >= WRITE_PROBE_INTERVAL_MS) {
      this.parts.log.warn('the primary stalled, and goes on', { of: question.of, tookMs });
    }
  }
}

/** One question to the server, from the first time that it was asked until it was answered. */
class Question {
  openSinceMs: number | null = null;
  #asking = false;
  #life = 0;

  constructor(readonly of: PrimaryStall['of']) {}

  /** Which question this is; null while an earlier one waits. */
  begin(nowMs: number): number | null {
    if (this.#asking) return null;
    this.#asking = true;
    this.openSinceMs ??= nowMs;
    return this.#life;
  }

  /** How long it was open, when this ended it. */
  end(asked: number, answered: boolean, nowMs: number): number | null {
    if (asked !== this.#life) return null;
    this.#asking = false;
    if (!answered || this.openSinceMs === null) return null;
    const tookMs = Math.round(nowMs - this.openSinceMs);
    this.openSinceMs = null;
    return tookMs;
  }

  /** It was asked of a server that is not the one any more. */
  forget(): void {
    this.#life += 1;
    this.#asking = false;
    this.openSinceMs = null;
  }
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQL_TIMEOUT';
}
