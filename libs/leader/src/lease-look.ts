import type { MonotonicMs } from '#libs/kernel';
import type { CappedTime } from '#libs/lease';

/** What is looked at: of a leader's `Service` the leases. */
type Leases = { readonly leases: { readonly dueInMs: number | null } };

export type LeaseLookOptions<S extends Leases> = {
  readonly time: CappedTime;
  readonly tickMs: number;
  readonly look: (service: S) => void;
  /** Asks for a look, in a turn that begins after so many milliseconds; an earlier wish is forgotten. */
  readonly wakeAfterMs: (delayMs: number) => void;
};

/**
 * When a leader looks at its leases: in the turn of each tick, and in one at the very moment at which the
 * first of them ends. Always once the turn has counted its own time: between the ticks of a leader that
 * hears little the time of the last turn is a tick old, and a lease would end that much later.
 */
export class LeaseLook<S extends Leases> {
  readonly #options: LeaseLookOptions<S>;
  #asked = false;

  constructor(options: LeaseLookOptions<S>) {
    this.#options = options;
  }

  /** The next turn looks. */
  ask(): void {
    this.#asked = true;
  }

  /** Once per turn, after what the sockets held was read; `service` null: it leads nobody. */
  turn(now: MonotonicMs, service: S | null): void {
    const { time, tickMs, look, wakeAfterMs } = this.#options;
    time.turn(now, true);
    if (!this.#asked || service === null) return;
    this.#asked = false;
    look(service);
    const { dueInMs } = service.leases;
    if (dueInMs !== null && dueInMs > 0 && dueInMs < tickMs) wakeAfterMs(dueInMs);
  }
}
