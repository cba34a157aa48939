import { type ClusterState, isTakenOver } from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Snapshot } from '../observe/snapshot.ts';

/** The server that another system runs in our data directory. */
export type ServerOfOthers = {
  /** While it is served, so that the stop has little left to write. */
  readonly checkpoint: (superuser: string) => Promise<void>;
  /** Resolves when nothing of it is left. @throws when it cannot be ended */
  readonly end: () => Promise<void>;
};

export type TakeOverParts = {
  readonly instance: InstanceName;
  readonly state: () => ClusterState | null;
  /** Whether the leader said, not long ago, that this state is all there is; asks it when not. */
  readonly isConfirmed: (state: ClusterState) => boolean;
  readonly snapshot: () => Snapshot | null;
  readonly serverAt: (pid: number) => ServerOfOthers;
  readonly onEnded: () => void;
  readonly log: Logger;
};

/**
 * Ends the PostgreSQL of an earlier system in good order once it is this instance's turn, so that our
 * guard can start it. Only once: whoever starts it again is not fought with, but told of.
 */
export class TakeOver {
  #endedPid: number | null = null;
  #busy = false;
  #problem: string | null = null;

  constructor(readonly parts: TakeOverParts) {}

  /** Why it is not, or not yet, taken over; null when there is nothing of it. */
  get problem(): string | null {
    return this.parts.snapshot()?.others == null ? null : this.#problem;
  }

  /** To be called whenever something has changed. */
  look(): void {
    const { state: stateNow, snapshot, isConfirmed, instance } = this.parts;
    const pid = snapshot()?.others ?? null;
    const state = stateNow();
    if (this.#busy || pid === null || state === null || pid === this.#endedPid) return;
    if (!isTakenOver(state, instance) || !this.#isOurs(state)) return;
    if (this.#endedPid !== null) {
      this.#problem =
        `PostgreSQL (process ${pid}) was started again after it had been stopped to be taken over: ` +
        'stop and disable what starts it, for example `systemctl disable --now patroni`';
      return;
    }
    if (!isConfirmed(state)) return;
    this.#busy = true;
    void this.#end(pid, state).finally(() => {
      this.#busy = false;
    });
  }

  /** Of the cluster as far as that is known: another database is nobody's to end. */
  #isOurs({ systemIdentifier }: ClusterState): boolean {
    const directory = this.parts.snapshot()?.directory;
    if (directory?.kind !== 'initialised') return false;
    return systemIdentifier === null || directory.systemIdentifier === systemIdentifier;
  }

  async #end(pid: number, { postgres }: ClusterState): Promise<void> {
    const { log, serverAt, onEnded } = this.parts;
    const server = serverAt(pid);
    log.info('PostgreSQL of another system is taken over: it is stopped once', { pid });
    try {
      await server.checkpoint(postgres.superuser);
    } catch (error) {
      log.warn('no checkpoint before the stop, which then takes longer', { why: messageOf(error) });
    }
    this.#endedPid = pid;
    try {
      await server.end();
      log.info('PostgreSQL of another system has ended', { pid });
      onEnded();
    } catch (error) {
      this.#problem = `PostgreSQL (process ${pid}) is not taken over: ${messageOf(error)}`;
      log.error('PostgreSQL of another system is not taken over', { pid, error });
    }
  }
}
