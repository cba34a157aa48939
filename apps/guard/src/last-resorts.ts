import type { DeadlineFuse } from '#libs/guarding';
import type { Fuse } from './fuse.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Watchdog } from './watchdog.ts';

/** What ends PostgreSQL when the guard cannot: the fuse, and where there is one the host's watchdog. */
export class LastResorts implements DeadlineFuse {
  constructor(
    readonly fuse: Fuse,
    readonly watchdog: Watchdog,
    readonly lease: Pick<LeaseKeeper, 'remainingMs'>,
  ) {}

  arm(deadlineBootMs: number): boolean {
    return this.watchdog.arm(this.lease.remainingMs()) === null && this.fuse.arm(deadlineBootMs);
  }

  /** A renewal was confirmed. */
  feed(deadlineBootMs: number): void {
    this.fuse.feed(deadlineBootMs);
    this.watchdog.feed(this.lease.remainingMs());
  }

  disarm(): void {
    this.fuse.disarm();
    this.watchdog.disarm();
  }
}
