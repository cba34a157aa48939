import type { Logger } from '#libs/observability';
import { Repeats } from '../repeats.ts';
import type { GuardState } from './guard-connection.ts';

/** Whoever lives longer was not ended by its start. */
const SHORT_LIFE_MS = 10_000;

type Postmaster = Pick<GuardState, 'postmaster' | 'lastStop'>;

/** Says that PostgreSQL ended, and how: why it is started again is nowhere else in this log. */
export class DownTale {
  readonly #repeats: Repeats;
  #upSinceMs = 0;

  constructor(
    readonly log: Pick<Logger, 'info'>,
    readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#repeats = new Repeats(nowMs);
  }

  /** One that ends as soon as it is started does so at each try: that is told once a minute. */
  look(before: Postmaster | null, { postmaster, lastStop }: Postmaster): void {
    if (before === null) return;
    const wasDown = before.postmaster === 'down';
    if (postmaster !== 'down' && wasDown) this.#upSinceMs = this.nowMs();
    if (postmaster !== 'down' || wasDown) return;
    if (this.nowMs() - this.#upSinceMs >= SHORT_LIFE_MS) this.#repeats.forget();
    if (this.#repeats.isNews(lastStop ?? '')) this.log.info('PostgreSQL is down', { lastStop });
  }
}
