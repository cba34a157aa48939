import type { Epoch, GuardIncarnation } from '#libs/kernel';
import type { GuardRequest, Position, ReleaseReason } from '#libs/protocol';

export type ReleaseOutcome =
  | { readonly kind: 'released' }
  | { readonly kind: 'refused'; readonly reason: string };

type Pending = {
  readonly request: GuardRequest & { readonly type: 'release' };
  readonly tell: ((outcome: ReleaseOutcome) => void)[];
};

/** Epochs given back and not yet confirmed; each is said again until a leader has answered. */
export class Releases {
  readonly #pending = new Map<Epoch, Pending>();
  readonly #answered = new Set<Epoch>();
  readonly #send: (request: GuardRequest) => void;

  constructor(send: (request: GuardRequest) => void) {
    this.#send = send;
  }

  /** The caller has proved that no process of the instance is left from that epoch. */
  add(release: {
    readonly epoch: Epoch;
    readonly incarnation: GuardIncarnation;
    readonly reason: ReleaseReason;
    readonly position: Position | null;
  }): Promise<ReleaseOutcome> {
    return new Promise((resolve) => {
      const known = this.#pending.get(release.epoch);
      if (known === undefined) {
        const request = { type: 'release', ...release } as const;
        this.#pending.set(release.epoch, { request, tell: [resolve] });
        this.#send(request);
      } else {
        known.tell.push(resolve);
        this.#send(known.request);
      }
    });
  }

  has(epoch: Epoch): boolean {
    return this.#pending.has(epoch) || this.#answered.has(epoch);
  }

  get size(): number {
    return this.#pending.size;
  }

  repeat(): void {
    for (const { request } of this.#pending.values()) this.#send(request);
  }

  /** @returns whether it is news: an agent asks once more after a hand-over, to hear the outcome */
  answered(epoch: Epoch, outcome: ReleaseOutcome): boolean {
    const pending = this.#pending.get(epoch);
    if (pending === undefined) return false;
    const isNews = !this.#answered.has(epoch);
    this.#pending.delete(epoch);
    // Only the last few can be asked about again.
    this.#answered.clear();
    this.#answered.add(epoch);
    for (const tell of pending.tell) tell(outcome);
    return isNews;
  }
}
