import type { Scheduler } from './scheduler.ts';

type Waiting = { readonly release: () => void; due: boolean };

/** Lets each operation of a simulated disk take its time, and decides which survive a crash. */
export class DiskGate {
  #waiting: Waiting[] = [];
  #closed = false;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly latencyMs: (operation: 'batch' | 'guard' | 'staging') => number,
    private readonly stalled: () => boolean,
  ) {}

  /** For `MemoryDisk.delay`. What a dead process still asks for never happens. */
  readonly wait = (operation: 'batch' | 'guard' | 'staging'): Promise<void> =>
    new Promise((resolve) => {
      if (this.#closed) return;
      const release = (): void => {
        this.scheduler.promised = true;
        resolve();
      };
      const waiting: Waiting = { release, due: false };
      this.#waiting.push(waiting);
      this.scheduler.after(this.latencyMs(operation), () => {
        waiting.due = true;
        if (!this.stalled()) this.releaseDue();
      });
    });

  releaseDue(): void {
    const due = this.#waiting.filter((waiting) => waiting.due);
    this.#waiting = this.#waiting.filter((waiting) => !waiting.due);
    for (const { release } of due) release();
  }

  /** The process dies: what was under way reaches the disk or does not, each for itself. */
  close(survives: () => boolean): void {
    this.#closed = true;
    for (const { release } of this.#waiting.splice(0)) if (survives()) release();
  }

  reopen(): void {
    this.#closed = false;
  }
}
