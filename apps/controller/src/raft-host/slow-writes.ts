import type { Log } from '../log.ts';
import type { HostListener } from './host-contract.ts';

/** A write takes milliseconds. A leader whose write takes two election timeouts hands over. */
const SLOW_MS = 500;

/** Says that the disk keeps a write of the Raft log waiting: a change of leader that follows has no other sign. */
export class SlowWrites implements HostListener {
  #longestMs = 0;

  constructor(
    readonly disk: { readonly writeStallMs: number },
    readonly log: Pick<Log, 'warn'>,
  ) {}

  onTick(): void {
    const { writeStallMs } = this.disk;
    const before = this.#longestMs;
    // Less than at the tick before: that write has ended, and this is another, or none.
    if (writeStallMs < before) this.#over();
    else this.#longestMs = writeStallMs;
    const isNews = before < SLOW_MS && this.#longestMs >= SLOW_MS;
    if (isNews) this.#warn('the disk keeps a write of the raft log waiting');
  }

  #over(): void {
    if (this.#longestMs >= SLOW_MS) this.#warn('the slow write of the raft log has ended');
    this.#longestMs = 0;
  }

  #warn(message: string): void {
    this.log.warn(message, { forMs: Math.round(this.#longestMs) });
  }
}
