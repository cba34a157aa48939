import { type Epoch, type GuardIncarnation, timelineId, unreachable } from '#libs/kernel';
import type { LocalNote, LocalRefusal, LocalRequest, Position } from '#libs/protocol';
import type { Instance, Refusal } from './instance.ts';
import type { GuardingLog, KeptLease, Reply } from './ports.ts';
import type { Releases } from './releases.ts';

type Waiting = { readonly epoch: Epoch; readonly id: number; readonly reply: Reply };
type Unheard = { readonly epoch: Epoch; readonly heard: () => void };

/** An agent asks one thing at a time; this many at once is a fault of its own. */
const WAITING_LIMIT = 32;

/** How long standbys may take to get the last bytes; clients are refused meanwhile. */
const HAND_BACK_STOP_MS = 3_000;
/** How long killed processes may take to be gone; a disk that answers needs milliseconds. */
const HAND_BACK_KILL_MS = 5_000;

export type OrdersParts = {
  readonly instance: Instance;
  readonly lease: KeptLease;
  readonly releases: Releases;
  readonly incarnation: GuardIncarnation;
  /** The incarnation that holds `epoch` as the controllers said, when it is an older one. */
  readonly olderHolder: (epoch: Epoch) => GuardIncarnation | null;
  /** Whether the grant was heard; until then an agent that asks for the epoch waits. */
  readonly grantKnown: (epoch: Epoch) => boolean;
  /** Why this host is not to ask for a lease; null or absent when it may. */
  readonly mayNotLead?: () => string | null;
  readonly onPosition: (position: Position) => void;
  /** Absent where nobody asks for promises. */
  readonly onPromises?: (promises: Extract<LocalNote, { type: 'promises' }>) => void;
  readonly onShutdown: () => void;
  readonly log: GuardingLog;
};

/** Carries out what the agent asks for, as far as lease and PostgreSQL allow. */
export class Orders {
  readonly #parts: OrdersParts;
  #acquiring: Waiting[] = [];
  #unheard: Unheard[] = [];
  /** The newest epoch whose holder was heard. */
  #heardEpoch = 0;
  #ending = false;
  #handingBack = false;

  constructor(parts: OrdersParts) {
    this.#parts = parts;
  }

  /** Nothing is started from here on. */
  end(): void {
    this.#ending = true;
  }

  handle(request: LocalRequest, reply: Reply): void {
    if (request.type === 'position') {
      const { timeline, lsn } = request;
      this.#parts.onPosition({ timeline: timelineId(timeline), lsn });
      return;
    }
    if (request.type === 'promises') {
      this.#parts.onPromises?.(request);
      return;
    }
    const { id } = request;
    const answer = (refusal: Refusal | null): void => {
      if (refusal === null) reply({ type: 'done', id });
      else reply({ type: 'refused', id, code: refusal.code, why: refusal.why });
    };
    if (this.#ending && request.type !== 'ping' && request.type !== 'attach') {
      answer(refused('ENDING', 'the guard ends'));
      return;
    }
    this.#carryOut(request, reply, answer);
  }

  /** The right to `epoch` was confirmed. */
  confirmed(epoch: Epoch): void {
    this.#settle((waiting) => waiting.epoch === epoch, null);
  }

  /** Who holds `epoch` was heard. */
  granted(epoch: Epoch): void {
    this.#heardEpoch = Math.max(this.#heardEpoch, epoch);
    const heard = this.#unheard.filter((waiting) => waiting.epoch <= epoch);
    this.#unheard = this.#unheard.filter((waiting) => waiting.epoch > epoch);
    for (const waiting of heard) waiting.heard();
  }

  /** The leader refused `epoch`. */
  refused(epoch: Epoch, reason: string): void {
    const why = `epoch ${epoch} was refused: ${reason}`;
    this.#settle((waiting) => waiting.epoch <= epoch, refused('EPOCH_OVER', why));
  }

  /**
   * The leader takes the lease of a guard without an agent: nobody else is left to stop PostgreSQL in
   * order, so that the standbys have every byte of it.
   */
  handBack(epoch: Epoch): void {
    if (this.#handingBack || this.#ending || this.#parts.lease.epoch !== epoch) return;
    this.#handingBack = true;
    void this.#handBack(epoch).finally(() => {
      this.#handingBack = false;
    });
  }

  async #handBack(epoch: Epoch): Promise<void> {
    const { instance, lease, releases, incarnation } = this.#parts;
    const limits = { budgetMs: HAND_BACK_STOP_MS, killMs: lease.timing.guardKillMs };
    const slow = await instance.stop('fast', limits);
    if (slow !== null) {
      const giveUpMs = HAND_BACK_KILL_MS;
      const stuck = await instance.stop('immediate', { ...limits, giveUpMs });
      if (stuck !== null) {
        instance.letRunOut(epoch, stuck.why);
        return;
      }
    }
    if ((await instance.notDown()) !== null || instance.serving.kind !== 'none') return;
    if (lease.epoch !== epoch) return;
    const position = slow === null ? instance.endOfWal() : null;
    lease.release(epoch);
    void releases.add({ epoch, incarnation, reason: 'yielded', position });
  }

  #carryOut(
    request: Exclude<LocalRequest, LocalNote>,
    reply: Reply,
    answer: (refusal: Refusal | null) => void,
  ): void {
    const { instance, lease } = this.#parts;
    switch (request.type) {
      case 'attach':
      case 'ping':
        answer(null);
        return;
      case 'acquire':
        this.#acquire(request, reply, answer);
        return;
      case 'start':
        void instance.start(request.epoch).then(answer);
        return;
      case 'promoting':
        answer(instance.promoting(request.epoch));
        return;
      case 'stop': {
        const limits = { budgetMs: request.budgetMs, killMs: lease.timing.guardKillMs };
        void instance.stop(request.mode, limits).then(answer);
        return;
      }
      case 'handOver':
        void this.#handOver(request).then(answer);
        return;
      case 'release':
        void this.#release(request).then(answer);
        return;
      case 'permitDestruction':
        void this.#whetherIdle().then(answer);
        return;
      case 'shutdown':
        answer(null);
        this.#parts.onShutdown();
        return;
      default:
        unreachable(request);
    }
  }

  #acquire(
    request: LocalRequest & { readonly type: 'acquire' },
    reply: Reply,
    answer: (refusal: Refusal | null) => void,
  ): void {
    const { lease, instance, grantKnown } = this.#parts;
    const { epoch, id } = request;
    const { serving } = instance;
    if (serving.kind === 'primary' && serving.epoch !== epoch) {
      answer(refused('LEASE_HELD', `postgresql serves in epoch ${serving.epoch}: stop it first`));
      return;
    }
    const unfit = this.#parts.mayNotLead?.() ?? null;
    if (unfit !== null) {
      answer(refused('WATCHDOG_UNUSABLE', unfit));
      return;
    }
    if (grantKnown(epoch) ? lease.acquire(epoch) === 'over' : lease.isOver(epoch)) {
      answer(refused('EPOCH_OVER', `epoch ${epoch} is over for this guard`));
    } else if (lease.mayServe(epoch)) {
      answer(null);
    } else if (this.#acquiring.length >= WAITING_LIMIT) {
      answer(refused('LEASE_NOT_HELD', 'too many requests wait for the lease'));
    } else {
      this.#settle((waiting) => waiting.epoch < epoch, refused('EPOCH_OVER', 'a later one came'));
      this.#acquiring.push({ epoch, id, reply });
    }
  }

  /**
   * The target waits for this release: it is given in the same turn as the proof that nothing runs any
   * more. The agent asks for it once more, and hears whether it was accepted.
   */
  async #handOver({
    epoch,
    budgetMs,
  }: LocalRequest & { readonly type: 'handOver' }): Promise<Refusal | null> {
    const { instance, lease, releases, incarnation } = this.#parts;
    const limits = { budgetMs, killMs: lease.timing.guardKillMs, handsOver: true };
    const refusal = await instance.stop('fast', limits);
    if (refusal !== null || lease.epoch !== epoch || instance.serving.kind !== 'none') {
      return refusal;
    }
    const position = instance.endOfWal();
    if (position === null) return null;
    lease.release(epoch);
    void releases.add({ epoch, incarnation, reason: 'hand-over', position });
    return null;
  }

  async #release(request: LocalRequest & { readonly type: 'release' }): Promise<Refusal | null> {
    const { instance, lease, releases, incarnation, olderHolder } = this.#parts;
    const { epoch, reason, timeline, lsn } = request;
    if (reason === 'guard-replaced' && epoch > this.#heardEpoch) {
      if (this.#unheard.length >= WAITING_LIMIT) {
        return refused('LEASE_NOT_HELD', `who holds epoch ${epoch} was not heard yet`);
      }
      // Before the proof below: what was proved down must not be started in between.
      await this.#heardOf(epoch);
    }
    const notDown = await instance.notDown();
    if (notDown !== null) return notDown;
    if (instance.serving.kind !== 'none') return refused('POSTGRES_RUNNING', 'just started');
    lease.release(epoch);
    const position =
      timeline === null || lsn === null ? null : { timeline: timelineId(timeline), lsn };
    const holder = olderHolder(epoch) ?? incarnation;
    const outcome = await releases.add({ epoch, incarnation: holder, reason, position });
    return outcome.kind === 'released' ? null : refused('EPOCH_OVER', outcome.reason);
  }

  /** An agent knows its events before a guard that has just begun knows them. */
  #heardOf(epoch: Epoch): Promise<void> {
    return new Promise((heard) => {
      this.#unheard.push({ epoch, heard });
    });
  }

  async #whetherIdle(): Promise<Refusal | null> {
    return this.#leaseHeld() ?? (await this.#parts.instance.notDown()) ?? this.#leaseHeld();
  }

  #leaseHeld(): Refusal | null {
    const { epoch } = this.#parts.lease;
    return epoch === null ? null : refused('LEASE_HELD', `epoch ${epoch} is held`);
  }

  #settle(which: (waiting: Waiting) => boolean, refusal: Refusal | null): void {
    const settled = this.#acquiring.filter(which);
    this.#acquiring = this.#acquiring.filter((waiting) => !which(waiting));
    for (const { id, reply } of settled) {
      if (refusal === null) reply({ type: 'done', id });
      else reply({ type: 'refused', id, ...refusal });
    }
  }
}

function refused(code: LocalRefusal, why: string): Refusal {
  return { code, why };
}
