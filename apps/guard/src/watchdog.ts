import { messageOf } from '#libs/kernel';
import type { WatchdogSettings } from '#libs/protocol';
import type { GuardLog } from './guard-log.ts';
import type { WatchdogDevice } from './watchdog-device.ts';

const MS_PER_SECOND = 1_000;

/**
 * The host's watchdog timer as the last of those that end PostgreSQL: it resets the host when nobody is
 * left who could (a kernel that hangs, a guard and its fuse that do not run). Like the fuse it is armed
 * from just before PostgreSQL becomes a primary until it was proved down, and fed by confirmed renewals
 * only, so that it fires before the lease is over.
 */
export class Watchdog {
  readonly #settings: WatchdogSettings;
  readonly #device: WatchdogDevice;
  readonly #leaseTtlMs: () => number;
  readonly #log: Pick<GuardLog, 'info' | 'warn' | 'error'>;
  #armed = false;
  #timeoutMs: number | null = null;
  /** Why it cannot be used; null when it can, or was not tried. */
  #problem: string | null = null;

  constructor(
    settings: WatchdogSettings,
    parts: {
      device: WatchdogDevice;
      leaseTtlMs: () => number;
      log: Pick<GuardLog, 'info' | 'warn' | 'error'>;
    },
  ) {
    this.#settings = settings;
    this.#device = parts.device;
    this.#leaseTtlMs = parts.leaseTtlMs;
    this.#log = parts.log;
  }

  get armed(): boolean {
    return this.#armed;
  }

  /**
   * Called with PostgreSQL proved down. Tries the device, and stops the timer that a dead guard left
   * running: the host would be reset for nothing.
   */
  begin(): void {
    if (this.#settings.mode === 'off') return;
    this.#open();
    this.disarm();
    if (this.#problem === null) this.#log.info('watchdog usable', { timeoutMs: this.#timeoutMs });
  }

  /** Why this host may not have a primary: the watchdog is required and cannot be used. */
  refusal(): string | null {
    if (this.#settings.mode !== 'required') return null;
    if (this.#problem !== null && !this.#armed) this.begin();
    return this.#problem === null ? null : `the watchdog is required: ${this.#problem}`;
  }

  /** @returns why PostgreSQL may not become a primary */
  arm(remainingMs: number): string | null {
    if (this.#settings.mode === 'off' || this.#armed) return null;
    this.#open();
    const refusal = this.refusal();
    if (refusal !== null) return refusal;
    if (this.#problem === null) {
      this.#armed = true;
      this.feed(remainingMs);
    }
    return null;
  }

  /**
   * A renewal was confirmed, and the right lasts `remainingMs` from now. Not fed when the timer would
   * then end after it: an answer that came late leaves it as it is.
   */
  feed(remainingMs: number): void {
    if (!this.#armed) return;
    const { safetyMarginMs } = this.#settings;
    if (this.#timeoutMs !== null && remainingMs - safetyMarginMs < this.#timeoutMs) return;
    this.#attempt('fed', () => this.#device.pet());
  }

  /** PostgreSQL was proved down. */
  disarm(): void {
    this.#armed = false;
    this.#attempt('stopped', () => this.#device.disarm());
  }

  #open(): void {
    this.#problem = null;
    this.#attempt('opened', () => this.#device.open());
    if (this.#problem !== null) return;
    const { safetyMarginMs, device } = this.#settings;
    const limitMs = this.#leaseTtlMs() - safetyMarginMs;
    const seconds = Math.floor(limitMs / MS_PER_SECOND);
    const inForce = seconds < 1 ? null : this.#device.setTimeout(seconds);
    this.#timeoutMs = inForce === null ? null : inForce * MS_PER_SECOND;
    if (this.#timeoutMs !== null && this.#timeoutMs <= limitMs) return;
    const why = this.#timeoutMs === null ? 'is not known' : `is ${this.#timeoutMs} ms`;
    this.#fail(`its timeout ${why}, and must be at most ${limitMs} ms (${device})`);
  }

  #attempt(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(`it cannot be ${what}: ${messageOf(error)}`);
    }
  }

  /** A timer that does not fit is not left running. */
  #fail(problem: string): void {
    this.#problem = problem;
    const required = this.#settings.mode === 'required';
    this.#log[required ? 'error' : 'warn']('watchdog not usable', { why: problem });
    if (this.#armed) return;
    try {
      this.#device.disarm();
    } catch (error) {
      this.#log.error('watchdog not stopped', { why: messageOf(error) });
    }
  }
}
