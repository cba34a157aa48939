import type { Clock } from '#libs/kernel';
import type { RaftMachine } from '#libs/raft';
import type { Log } from '../log.ts';
import { GridTimer } from './grid-timer.ts';

type Options = {
  readonly clock: Clock;
  readonly log: Log;
  readonly tickMs: number;
  readonly electionTimeoutMs: number;
  readonly raft: Pick<RaftMachine, 'idleTicks'>;
};

/** A follower that hears its leader is awake at each heartbeat: its own timer only sees that none comes. */
const TICKS_AHEAD_MAX = 4;

/**
 * Says how many ticks are due. After a stall the sockets are read first: a timer must not act on a
 * silence that is only our own (reference/raft.md 2.5).
 */
export class TickClock {
  readonly #timer: GridTimer;
  readonly #stallMs: number;
  readonly #log: Log;
  readonly #due: () => void;
  readonly #observe: (lateMs: number, stalled: boolean) => void;
  /** From a stall on until the sockets were read; then its ticks count. */
  #stall: 'none' | 'held' | 'read' = 'none';

  constructor(
    { clock, log, tickMs, electionTimeoutMs, raft }: Options,
    due: () => void,
    observe: (lateMs: number, stalled: boolean) => void,
  ) {
    this.#stallMs = electionTimeoutMs / 2;
    this.#log = log;
    this.#due = due;
    this.#observe = observe;
    const ahead = (): number => Math.min(TICKS_AHEAD_MAX, raft.idleTicks);
    this.#timer = new GridTimer(clock, tickMs, ahead, () => this.#fired());
  }

  start(): void {
    this.#timer.start();
  }

  stop(): void {
    this.#timer.stop();
  }

  /** The machine is another than when the next tick was planned. */
  replan(): void {
    this.#timer.replan();
  }

  /** In a turn of the loop: the ticks that passed until now, which are then counted. */
  take(): number {
    const { lateMs } = this.#timer;
    if (lateMs > this.#stallMs && this.#stall === 'none') this.#hold(lateMs);
    if (this.#stall === 'held') return 0;
    this.#stall = 'none';
    const ticks = this.#timer.take();
    if (ticks > 0) this.#observe(lateMs, false);
    return ticks;
  }

  #fired(): void {
    const { lateMs } = this.#timer;
    if (lateMs <= this.#stallMs) this.#due();
    else if (this.#stall === 'none') this.#hold(lateMs);
  }

  #hold(lateMs: number): void {
    this.#stall = 'held';
    this.#log.warn('the event loop stalled', { lateMs: Math.round(lateMs) });
    this.#observe(lateMs, true);
    setImmediate(() =>
      setImmediate(() => {
        this.#stall = 'read';
        this.#due();
      }),
    );
  }
}
