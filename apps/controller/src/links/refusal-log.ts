import type { RefusedLink } from '#libs/transport';
import type { Log } from '../log.ts';

const SUMMARY_AFTER_MS = 10_000;
/** Reasons name who came; a stranger who changes its name each time makes no more lines than this. */
const REASONS_MAX = 50;
const OTHERS = 'other reasons';

type Tally = { count: number; remoteAddress: string };

/**
 * What a controller says of connections that it refuses. Whoever is refused comes again every two seconds,
 * and thousands may: the first of a reason is told at once, the others as one number each ten seconds.
 */
export class RefusalLog {
  readonly #tallies = new Map<string, Tally>();
  #summary: NodeJS.Timeout | undefined;

  constructor(private readonly log: Log) {}

  tell({ remoteAddress, cause }: RefusedLink): void {
    const known = this.#tallies.get(cause.message);
    const why = known !== undefined || this.#tallies.size < REASONS_MAX ? cause.message : OTHERS;
    const tally = known ?? this.#tallies.get(why);
    if (tally !== undefined) {
      tally.count += 1;
      tally.remoteAddress = remoteAddress;
      return;
    }
    this.#tallies.set(why, { count: 0, remoteAddress });
    this.log.warn('connection refused', { remoteAddress, why });
    this.#summary ??= setTimeout(() => this.#sumUp(), SUMMARY_AFTER_MS).unref();
  }

  /** A reason that did not come again is forgotten, and told at once the next time. */
  #sumUp(): void {
    for (const [why, tally] of this.#tallies) {
      const { count, remoteAddress } = tally;
      if (count === 0) this.#tallies.delete(why);
      else this.log.warn('more connections refused', { count, remoteAddress, why });
      tally.count = 0;
    }
    this.#summary =
      this.#tallies.size === 0
        ? undefined
        : setTimeout(() => this.#sumUp(), SUMMARY_AFTER_MS).unref();
  }
}
