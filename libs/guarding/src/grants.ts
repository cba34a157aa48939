import type { Epoch, GuardIncarnation } from '#libs/kernel';
import type { GuardAnswer } from '#libs/protocol';
import type { Instance } from './instance.ts';
import type { GuardingLog, KeptLease } from './ports.ts';
import type { Releases } from './releases.ts';

export type Granted = GuardAnswer & { readonly type: 'granted' };

export type GrantsParts = {
  readonly incarnation: GuardIncarnation;
  /** Dead guards of this data directory, whose leases this one may give back. */
  readonly predecessors: readonly GuardIncarnation[];
  readonly lease: KeptLease;
  readonly instance: Instance;
  readonly releases: Releases;
  readonly log: GuardingLog;
  /** Why this host is not to ask for a lease; null or absent when it may. */
  readonly mayNotLead?: () => string | null;
};

/** What the controllers say of who holds the lease of this instance. */
export class Grants {
  readonly #parts: GrantsParts;
  #last: Granted | null = null;
  /** The last epoch whose times are in use. */
  #knownEpoch = 0;

  constructor(parts: GrantsParts) {
    this.#parts = parts;
  }

  /** Who holds `epoch`, when it is an older start of this guard. */
  olderHolder(epoch: Epoch): GuardIncarnation | null {
    const last = this.#last;
    if (last?.epoch !== epoch || last.incarnation === this.#parts.incarnation) return null;
    return last.incarnation;
  }

  /**
   * Whether the grant of `epoch` to this guard was heard, and with it how long the lease lasts. Before
   * that no renewal may be sent: its answer would count for as long as the epoch before lasted.
   */
  knows(epoch: Epoch): boolean {
    return epoch <= this.#knownEpoch;
  }

  learn(granted: Granted): void {
    const { incarnation, lease, instance } = this.#parts;
    this.#last = granted;
    if (granted.incarnation !== incarnation) {
      this.#giveBack(granted);
      return;
    }
    // From a controller that is behind: over, and its times with it.
    if (granted.epoch < this.#knownEpoch) return;
    this.#knownEpoch = granted.epoch;
    const { leaseTtlMs, renewIntervalMs, stopBudgetMs, guardKillMs } = granted;
    lease.useTiming({ leaseTtlMs, renewIntervalMs, stopBudgetMs, guardKillMs });
    if (instance.serving.kind !== 'primary' && (this.#parts.mayNotLead?.() ?? null) === null) {
      lease.acquire(granted.epoch);
    }
  }

  /**
   * Its processes were swept away and proved gone when this guard began (safety 9). Only for a guard of
   * this very data directory: another host may carry the same name by mistake.
   */
  #giveBack({ epoch, incarnation }: Granted): void {
    const { predecessors, releases, log } = this.#parts;
    if (!predecessors.includes(incarnation) || releases.has(epoch)) return;
    log.info('lease of a dead guard is given back', { epoch, of: incarnation });
    void releases.add({ epoch, incarnation, reason: 'guard-dead', position: null });
  }
}
