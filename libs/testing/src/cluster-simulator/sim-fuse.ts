import type { DeadlineFuse } from '#libs/guarding';
import { SimProcess } from './sim-host.ts';
import type { SimNode } from './sim-node.ts';

/** The process outside Node that ends PostgreSQL at the deadline (corrections 14). */
export class SimFuse implements DeadlineFuse {
  readonly process: SimProcess;
  #deadlineBootMs: number | null = null;

  constructor(readonly node: SimNode) {
    this.process = new SimProcess(node.host, 'fuse', true);
  }

  arm(deadlineBootMs: number): boolean {
    this.#deadlineBootMs = Math.max(this.#deadlineBootMs ?? 0, deadlineBootMs);
    this.#watch();
    return true;
  }

  feed(deadlineBootMs: number): void {
    if (this.#deadlineBootMs === null) return;
    this.#deadlineBootMs = Math.max(this.#deadlineBootMs, deadlineBootMs);
  }

  /** It will end PostgreSQL in time, whoever else is gone. */
  get armed(): boolean {
    return this.#deadlineBootMs !== null && this.process.alive;
  }

  disarm(): void {
    this.#deadlineBootMs = null;
  }

  #watch(): void {
    const armed = this.#deadlineBootMs;
    if (armed === null) return;
    this.process.after(Math.max(0.1, armed - this.node.host.nowMs()), () => {
      const deadline = this.#deadlineBootMs;
      if (deadline === null) return;
      if (this.node.host.nowMs() >= deadline) {
        this.#deadlineBootMs = null;
        this.node.postgres.killAll();
      } else this.#watch();
    });
  }
}
