import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '#libs/kernel';
import {
  postgresProcessKind,
  type ServerVersion,
  takesConninfoByReload,
} from '#libs/postgres-model';
import {
  type InstanceProcess,
  type InstanceProcesses,
  ProcessesInDirectory,
  signalIfSame,
} from '#libs/process';
import { changeManagedSettings } from './config-files.ts';
import { putDetachedMark } from './detached-mark.ts';
import { endConflicts } from './end-conflicts.ts';
import { reload } from './reload.ts';
import { ReloadWatch } from './reload-watch.ts';
import type { SqlSession } from './sql-session.ts';

export type DetachRequest = {
  readonly dataDirectory: string;
  readonly version: ServerVersion;
  readonly limitMs: number;
  readonly processes?: InstanceProcesses;
};

export type DetachOutcome =
  | {
      readonly kind: 'detached';
      /** `sql`: a backend has read the new files, so the postmaster has. `signal`: none could be asked. */
      readonly reloadSeenBy: 'sql' | 'signal';
      /** The receiver did not go by itself: its startup process did not read the reload. */
      readonly receiverSignalled: boolean;
      readonly conflictsEnded: number;
      readonly tookMs: number;
    }
  /** 12 reads the setting at start only; the files are written. Restart, then prove down in between. */
  | { readonly kind: 'needs-restart' }
  /** The files are written, so that it stays detached at its next start. */
  | { readonly kind: 'not-running' }
  | {
      readonly kind: 'not-detached';
      readonly reason: 'receiver-alive' | 'reload-not-seen' | 'setting-overridden';
      readonly tookMs: number;
    };

/** The receiver of a healthy standby is gone 8 ms after the reload; a busy startup reads it late. */
const SIGNAL_RECEIVER_AFTER_MS = 20;
const POLL_INTERVAL_MS = 3;
/** Between the two looks of the proof; a receiver that was just asked for would show by then. */
const SECOND_LOOK_AFTER_MS = 10;

/**
 * Makes sure that a standby follows nobody (safety 6): empties `primary_conninfo` and
 * `restore_command` where they are in force, reloads, and ends the receiver if it does not go.
 *
 * Proof is that no receiver of this instance is in `/proc`, twice, after the reload has reached the
 * postmaster; the value of a setting proves nothing, since a receiver may still run with the old one.
 *
 * @param session none when the standby takes no connections
 */
export async function detach(
  session: SqlSession | undefined,
  request: DetachRequest,
): Promise<DetachOutcome> {
  const startedMs = performance.now();
  const { dataDirectory } = request;
  putDetachedMark(dataDirectory);
  const nobody = { primary_conninfo: '', primary_slot_name: '', restore_command: '' };
  changeManagedSettings(dataDirectory, nobody);
  if (!takesConninfoByReload(request.version)) return { kind: 'needs-restart' };
  const watch = await ReloadWatch.before(session);
  try {
    watch.signalled(reload(dataDirectory));
  } catch (error) {
    if (codeOf(error) === 'POSTGRES_NOT_RUNNING') return { kind: 'not-running' };
    throw error;
  }
  return new Detachment(session, request, watch, startedMs).finish();
}

class Detachment {
  readonly #processes: InstanceProcesses;
  #receiverSignalled = false;
  #conflictsEnded = 0;
  /** When the first look of the proof found no receiver; undefined while there is one. */
  #goneSinceMs: number | undefined;

  constructor(
    readonly session: SqlSession | undefined,
    readonly request: DetachRequest,
    readonly watch: ReloadWatch,
    readonly startedMs: number,
  ) {
    this.#processes = request.processes ?? new ProcessesInDirectory(request.dataDirectory);
  }

  async finish(): Promise<DetachOutcome> {
    while (this.#tookMs() < this.request.limitMs) {
      const seenBy = await this.watch.seenBy();
      const receivers = this.#receivers();
      if (receivers.length > 0) await this.#endReceivers(receivers);
      else if (seenBy !== undefined && this.#isSecondLook()) return this.#detached(seenBy);
      await delay(POLL_INTERVAL_MS);
    }
    const reason = this.#receivers().length > 0 ? 'receiver-alive' : 'reload-not-seen';
    return { kind: 'not-detached', reason, tookMs: this.#tookMs() };
  }

  #detached(reloadSeenBy: 'sql' | 'signal'): DetachOutcome {
    const tookMs = this.#tookMs();
    if (this.watch.settingOverridden) {
      return { kind: 'not-detached', reason: 'setting-overridden', tookMs };
    }
    return {
      kind: 'detached',
      reloadSeenBy,
      receiverSignalled: this.#receiverSignalled,
      conflictsEnded: this.#conflictsEnded,
      tookMs,
    };
  }

  async #endReceivers(receivers: readonly InstanceProcess[]): Promise<void> {
    this.#goneSinceMs = undefined;
    if (this.#tookMs() < SIGNAL_RECEIVER_AFTER_MS) return;
    for (const receiver of receivers) {
      if (signalIfSame(this.#processes, receiver, 'SIGTERM')) this.#receiverSignalled = true;
    }
    this.#conflictsEnded += await endConflicts(this.session, this.#processes, this.request.version);
  }

  #isSecondLook(): boolean {
    const nowMs = performance.now();
    this.#goneSinceMs ??= nowMs;
    return nowMs - this.#goneSinceMs >= SECOND_LOOK_AFTER_MS;
  }

  #receivers(): readonly InstanceProcess[] {
    return this.#processes
      .scan()
      .processes.filter(({ title }) => postgresProcessKind(title) === 'walreceiver');
  }

  #tookMs(): number {
    return performance.now() - this.startedMs;
  }
}
