import { type Epoch, messageOf, takesNoChange } from '#libs/kernel';
import type { StopReason } from '#libs/lease';
import type { LocalRefusal, Position, StopMode } from '#libs/protocol';
import { endTheRest, REST_MS } from './end-the-rest.ts';
import type {
  DeadlineFuse,
  GuardingLog,
  InstanceFiles,
  KeptLease,
  PostmasterProcess,
  StopStage,
} from './ports.ts';

export type InstanceParts = {
  readonly files: InstanceFiles;
  readonly postmaster: PostmasterProcess;
  readonly lease: KeptLease;
  readonly fuse: DeadlineFuse;
  readonly log: GuardingLog;
  readonly pause: (durationMs: number) => Promise<void>;
};

/** As what the postmaster runs, or ran last: a primary from the moment before a promotion is asked for. */
export type Serving =
  | { readonly kind: 'none' }
  | { readonly kind: 'standby' }
  | { readonly kind: 'primary'; readonly epoch: Epoch };

export type Refusal = { readonly code: LocalRefusal; readonly why: string };

const PROOF_ATTEMPTS = 10;
const PROOF_RETRY_MS = 10;
/**
 * A standby that is there has the last record after a round trip, once its walsender had a processor. Cut short, a target
 * without that record takes the switchover back, which costs seconds; a receiver that hangs costs this much.
 */
const SENDING_MS = 300;
/** Killed processes are gone in milliseconds; whoever asked waits for two budgets and ten seconds at most. */
const KILLED_MS = 2_000;

export type StopLimits = {
  readonly budgetMs: number;
  readonly killMs: number;
  readonly giveUpMs?: number;
  /** Another waits to serve: ends what is left once everything was written and sent. */
  readonly handsOver?: boolean;
};

/** What may be done to PostgreSQL, and when: the rules between the lease and the postmaster. */
export class Instance {
  readonly #files: InstanceFiles;
  readonly #postmaster: PostmasterProcess;
  readonly #lease: KeptLease;
  readonly #fuse: DeadlineFuse;
  readonly #log: GuardingLog;
  readonly #pause: InstanceParts['pause'];
  #serving: Serving = { kind: 'none' };
  #lastStop: string | null = null;
  /** Each replaces the one before; so does a start. */
  #stops = 0;

  constructor({ files, postmaster, lease, fuse, log, pause }: InstanceParts) {
    this.#files = files;
    this.#postmaster = postmaster;
    this.#lease = lease;
    this.#fuse = fuse;
    this.#log = log;
    this.#pause = pause;
  }

  get serving(): Serving {
    return this.#serving;
  }

  /** Why PostgreSQL was last stopped, or how it ended by itself. */
  get lastStop(): string | null {
    return this.#lastStop ?? this.#postmaster.lastExit;
  }

  /** Of an instance that was shut down in order; null when it was not, or the files do not tell. */
  endOfWal(): Position | null {
    try {
      return this.#files.shutdownPosition();
    } catch (error) {
      this.#log.warn('end of wal not read', { why: messageOf(error) });
      return null;
    }
  }

  /** `epoch` null: as a standby. */
  async start(epoch: Epoch | null): Promise<Refusal | null> {
    const refusal = (await this.notDown()) ?? this.#unfitDirectory();
    if (refusal !== null) return refusal;
    if (this.#serving.kind !== 'none') return { code: 'POSTGRES_RUNNING', why: 'just started' };
    return epoch === null ? this.#startStandby() : this.#startPrimary(epoch);
  }

  /** From the answer on this is the primary of `epoch`, whatever it still says of itself (safety 8). */
  promoting(epoch: Epoch): Refusal | null {
    const { state } = this.#postmaster;
    if (state !== 'running' && state !== 'starting') {
      return { code: 'START_FAILED', why: `postgresql is ${state}` };
    }
    const refusal = this.#withoutLease(epoch) ?? this.#armFuse();
    if (refusal !== null) return refusal;
    this.#serving = { kind: 'primary', epoch };
    this.#log.info('promotion begins', { epoch });
    return null;
  }

  /** The lease says that a primary of `epoch` must end; a standby goes on. */
  fence(reason: StopReason, epoch: Epoch, graceMs: number): void {
    const serving = this.#serving;
    const isPrimary = serving.kind === 'primary' && this.#postmaster.state !== 'down';
    this.#log.warn('lease lost', { reason, epoch, stopsPostgresql: isPrimary });
    if (!isPrimary) return;
    this.#stops += 1;
    this.#postmaster.stopImmediate(graceMs);
    this.#lastStop = `lease of epoch ${epoch} lost: ${reason}`;
  }

  /**
   * Null when no process of the instance is left. An immediate stop without `giveUpMs` waits until that
   * is so: processes that wait for a hung disk are killed, and go when the disk lets them.
   */
  async stop(mode: StopMode, limits: StopLimits): Promise<Refusal | null> {
    this.#stops += 1;
    if (this.#postmaster.state === 'down') {
      const killed = await this.#postmaster.sweep();
      if (killed > 0) this.#log.warn('foreign processes of the instance killed', { killed });
      return null;
    }
    this.#log.info('stop ordered', { mode, budgetMs: limits.budgetMs });
    this.#lastStop = `${mode} stop ordered`;
    const down = this.#postmaster.whenDown().then(() => null);
    if (mode === 'immediate') {
      this.#postmaster.stopImmediate(limits.killMs);
      if (limits.giveUpMs === undefined) return down;
      const why = `killed processes are left after ${limits.giveUpMs} ms: a hung disk?`;
      return Promise.race([down, this.#late(limits.giveUpMs, why)]);
    }
    this.#postmaster.stopFast();
    if (limits.handsOver === true) return Promise.race([down, this.#handOver(limits.budgetMs)]);
    const why = `postgresql still runs after ${limits.budgetMs} ms of a fast stop`;
    return Promise.race([down, this.#late(limits.budgetMs, why)]);
  }

  /**
   * Once its clients are gone an orderly end is near, and giving up costs more than waiting for it, a crash recovery: the
   * shutdown checkpoint has the budget to itself. What it waits for then is no reason to keep the target waiting.
   */
  async #handOver(budgetMs: number): Promise<Refusal> {
    const stop = this.#stops;
    // What is down by then may have been started again, as a standby of the target.
    const isStillWanted = () => this.#stops === stop && this.#postmaster.state === 'stopping';
    const reached: { stage: StopStage } = { stage: 'clients' };
    const parts = { files: this.#files, postmaster: this.#postmaster, pause: this.#pause };
    void endTheRest(parts, isStillWanted, (stage) => {
      reached.stage = stage;
    });
    await this.#pause(budgetMs);
    if (reached.stage === 'clients') return timedOut(`clients are left after ${budgetMs} ms`);
    if (isStillWanted() && reached.stage === 'checkpoint') {
      this.#log.info('only the shutdown checkpoint is left: it has as long again', { budgetMs });
      await this.#pause(budgetMs);
      if (reached.stage === 'checkpoint') {
        return timedOut(`the shutdown checkpoint took longer than ${budgetMs} ms`);
      }
    }
    await this.#pause(SENDING_MS);
    if (isStillWanted()) {
      this.#log.info('what is left after the last record is ended', { budgetMs });
      this.#postmaster.stopImmediate(REST_MS);
    }
    return this.#late(KILLED_MS, 'killed processes are left: a hung disk?');
  }

  async #late(afterMs: number, why: string): Promise<Refusal> {
    await this.#pause(afterMs);
    return timedOut(why);
  }

  /**
   * Everything that could serve was sent SIGKILL, yet none is proved gone: nothing can be given back. The
   * epoch is not renewed any more either; it ends by itself, and another instance takes over as for a lost
   * host, whose processes nobody sees. A standby keeps nobody waiting.
   */
  notProvedDown(why: string): void {
    const serving = this.#serving;
    if (serving.kind === 'primary') this.letRunOut(serving.epoch, why);
  }

  letRunOut(epoch: Epoch, why: string): void {
    if (this.#lease.epoch !== epoch) return;
    const fields = { epoch, why };
    this.#log.warn(
      'the epoch is not renewed any more: postgresql was killed and is not gone',
      fields,
    );
    this.#lease.release(epoch);
    this.#lastStop = `killed, and not proved gone: ${why}`;
  }

  /** Called when the postmaster was proved down. A directory at rest always has the file (safety 10). */
  wentDown(): void {
    this.#fuse.disarm();
    this.#serving = { kind: 'none' };
    this.#atRest(() => this.#unfitDirectory() === null);
  }

  #atRest(isFit: () => boolean = () => true): void {
    const refusal = this.#refusedBy(() => {
      if (isFit()) this.#files.putStandbySignal();
    });
    if (refusal !== null) this.#log.warn('standby.signal not written', { why: refusal.why });
  }

  /**
   * A directory that takes no change, in which PostgreSQL does not start either, ends no guard: there is a
   * lease to give back, and each new guard would end in the same way.
   */
  #refusedBy(change: () => void): Refusal | null {
    try {
      change();
      return null;
    } catch (error) {
      if (!takesNoChange(error)) throw error;
      return { code: 'START_FAILED', why: messageOf(error) };
    }
  }

  /**
   * Why nothing that needs a stopped PostgreSQL may be done; null when it is proved down at the moment
   * of the answer. A process that cannot be looked at may be any `postgres --version` of root's, so it
   * is looked at again before it counts.
   */
  async notDown(): Promise<Refusal | null> {
    for (let attempt = 1; ; attempt += 1) {
      const { state } = this.#postmaster;
      if (state !== 'down') return { code: 'POSTGRES_RUNNING', why: `postgresql is ${state}` };
      const proof = this.#files.proveDown();
      if (proof.kind === 'down') return null;
      if (proof.kind !== 'processes-unreadable' || attempt === PROOF_ATTEMPTS) {
        return { code: 'FOREIGN_POSTMASTER', why: `not started by this guard: ${proof.kind}` };
      }
      await this.#pause(PROOF_RETRY_MS);
    }
  }

  #startStandby(): Refusal | null {
    const refusal = this.#refusedBy(() => this.#files.putStandbySignal());
    return refusal ?? this.#spawn({ kind: 'standby' });
  }

  #startPrimary(epoch: Epoch): Refusal | null {
    const without = this.#withoutLease(epoch);
    if (without !== null) return without;
    const unchanged = this.#refusedBy(() => this.#files.removeSignalFiles());
    // Removing it was synced to disk, and that may have taken longer than the lease lasts.
    const meanwhile = this.#withoutLease(epoch) ?? this.#armFuse();
    const refusal = unchanged ?? meanwhile ?? this.#spawn({ kind: 'primary', epoch });
    if (refusal !== null) {
      this.#fuse.disarm();
      this.#atRest();
    }
    return refusal;
  }

  #withoutLease(epoch: Epoch): Refusal | null {
    if (this.#lease.mayServe(epoch)) return null;
    if (this.#lease.isOver(epoch)) return { code: 'EPOCH_OVER', why: `epoch ${epoch} is over` };
    const held = this.#lease.epoch;
    const untilStopMs = this.#lease.untilStopMs();
    return {
      code: 'LEASE_NOT_HELD',
      why: `epoch ${epoch} is not held: renewing ${held ?? 'none'}, ${untilStopMs ?? 'no'} ms left`,
    };
  }

  #unfitDirectory(): Refusal | null {
    const unfinished = this.#files.unfinishedWork();
    if (unfinished !== undefined) {
      return { code: 'UNFINISHED_DIRECTORY', why: `'${unfinished}' began here and did not end` };
    }
    if (this.#files.hasData()) return null;
    return { code: 'START_FAILED', why: `${this.#files.path} is not a data directory` };
  }

  #armFuse(): Refusal | null {
    const killAtBootMs = this.#lease.killAtBootMs();
    if (killAtBootMs !== null && this.#fuse.arm(killAtBootMs)) return null;
    return {
      code: 'START_FAILED',
      why: 'the fuse (bash) or the required watchdog does not start: see guard.log',
    };
  }

  #spawn(serving: Serving): Refusal | null {
    this.#serving = serving;
    this.#lastStop = null;
    this.#stops += 1;
    if (this.#postmaster.start()) return null;
    this.#serving = { kind: 'none' };
    return {
      code: 'START_FAILED',
      why: 'the launcher (setpriv), the data directory or the log of postgresql does not open: see guard.log',
    };
  }
}

function timedOut(why: string): Refusal {
  return { code: 'STOP_TIMED_OUT', why };
}
