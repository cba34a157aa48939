import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { ReachableInstance } from '#libs/postgres-run';
import type { Snapshot } from './snapshot.ts';

/** Nothing was seen to change for this long: it is worth a watch on the WAL. */
const UNCHANGED_MS = 4_000;

/**
 * Tells whether looks can wait, since nothing changes and the kernel would tell of the next byte of WAL.
 * A primary writes it, a receiver writes it, a promotion and a new copy begin with it: whatever a leader
 * may wait for shows in `pg_wal`, or comes as an event of the cluster or from the guard.
 */
export class Calm {
  #sight: string | null = null;
  #sinceMs = 0;
  #watcher: FSWatcher | null = null;
  #watchedFromMs = 0;

  constructor(
    readonly dataDirectory: string,
    readonly log: Logger,
    /** Something changed, or may change now: to be looked at, at once. */
    readonly onSign: () => void,
  ) {}

  /** A look that began before the watch stood may have missed what it does not tell of. */
  isCalm(snapshot: Snapshot | null): boolean {
    return this.#watcher !== null && (snapshot?.begunMs ?? 0) > this.#watchedFromMs;
  }

  /** After each look. */
  looked(snapshot: Snapshot | null): void {
    const sight = snapshot === null ? null : sightOf(snapshot);
    const nowMs = performance.now();
    if (sight === null || sight !== this.#sight) {
      this.#sight = sight;
      // The look after this one was put off.
      this.disturb();
    } else if (this.#watcher === null && nowMs - this.#sinceMs >= UNCHANGED_MS) {
      this.#watch(nowMs);
    }
  }

  /** Something else than PostgreSQL speaks of a change: an event of the cluster, the guard. */
  disturb(): void {
    this.#sinceMs = performance.now();
    if (this.#watcher === null) return;
    this.#unwatch();
    this.onSign();
  }

  close(): void {
    this.#unwatch();
  }

  #watch(nowMs: number): void {
    try {
      const watcher = watch(join(this.dataDirectory, 'pg_wal'), { persistent: false });
      watcher.once('change', () => this.#signed(watcher));
      watcher.once('error', (error) => {
        this.log.debug('WAL is watched no more', { why: messageOf(error) });
        this.#signed(watcher);
      });
      this.#watcher = watcher;
      this.#watchedFromMs = nowMs;
    } catch (error) {
      // No watches are left on this host, say: then it is looked at as often as ever.
      this.log.debug('WAL cannot be watched', { why: messageOf(error) });
      this.#sinceMs = nowMs;
    }
  }

  #signed(watcher: FSWatcher): void {
    if (this.#watcher === watcher) this.disturb();
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }
}

/** What would change if anything happened; null where something is under way, or wrong. */
function sightOf({ guard, sql, stall, walGone }: Snapshot): string | null {
  if (guard?.postmaster !== 'running' || sql?.kind !== 'reachable') return null;
  if (stall !== null || walGone !== null) return null;
  const place = placeOf(sql);
  if (place === null) return null;
  const replicas = sql.replicas.map(({ pid, state, flushLsn, replayLsn, syncState }) =>
    [pid, state, flushLsn, replayLsn, syncState].join(' '),
  );
  const { incarnation, epoch, postmasterPid } = guard;
  return [incarnation, epoch, postmasterPid, place, sql.pendingRestart.length, ...replicas].join();
}

function placeOf({ role }: ReachableInstance): string | null {
  if (role.kind === 'primary') return `primary ${role.timeline} ${role.writeLsn}`;
  const { timeline, receivedLsn, replayedLsn, receiver } = role;
  if (receiver?.status !== 'streaming') return null;
  return `standby ${timeline} ${receivedLsn} ${replayedLsn} ${receiver.pid}`;
}
