import type { Clock } from '#libs/kernel';
import type { Log } from '../log.ts';
import { GridTimer } from './grid-timer.ts';

type Options = {
  readonly clock: Clock;
  readonly log: Log;
  readonly tickMs: number;
  readonly electionTimeoutMs: number;
};

/**
 * Says when a tick is due. After a stall the sockets are read first: a timer must not act on a silence
 * that is only our own (reference/raft.md 2.5).
 */
export class TickClock {
  readonly #timer: GridTimer;

  constructor(
    { clock, log, tickMs, electionTimeoutMs }: Options,
    due: () => void,
    observe: (lateMs: number, stalled: boolean) => void,
  ) {
    this.#timer = new GridTimer(clock, tickMs, (lateMs) => {
      const stalled = lateMs > electionTimeoutMs / 2;
      if (stalled) log.warn('the event loop stalled', { lateMs: Math.round(lateMs) });
      observe(lateMs, stalled);
      if (stalled) setImmediate(() => setImmediate(due));
      else due();
    });
  }

  start(): void {
    this.#timer.start();
  }

  stop(): void {
    this.#timer.stop();
  }
}
