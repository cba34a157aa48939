import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { debianClustersOf, disableStart, isUnitMasked, startingUnitsOf } from '#libs/postgres-run';

/** A tool that manages the host's files may write `auto` there again. */
const LOOK_INTERVAL_MS = 60_000;

/**
 * Sees to it that nothing of the distribution starts PostgreSQL in a data directory of the cluster beside its
 * guard (safety 10): Debian's `start.conf` belongs to PostgreSQL's user and is set here. Units are root's: they
 * are masked when the agent is started as root, or by `matriarch guard --mask`; until then the log says so.
 */
export class SoleStarter {
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #toldOf = '';

  constructor(
    readonly dataDirectory: string,
    readonly log: Pick<Logger, 'info' | 'warn'>,
    readonly root = '/',
  ) {}

  /** To be called while the data directory is the cluster's, and its guard has it. */
  look(nowMs: number): void {
    if (nowMs - this.#lookedAtMs < LOOK_INTERVAL_MS) return;
    this.#lookedAtMs = nowMs;
    const open = [...this.#disableStarts(), ...this.#unmaskedUnits()];
    const told = open.join(', ');
    if (told !== '' && told !== this.#toldOf) {
      this.log.warn('postgresql can be started beside its guard', {
        by: open,
        remedy: 'as root: matriarch guard --mask --config FILE',
      });
    }
    this.#toldOf = told;
  }

  /** @returns those that cannot be changed by us */
  #disableStarts(): string[] {
    return debianClustersOf(this.dataDirectory, this.root).flatMap(({ directory }) => {
      const file = `${directory}/start.conf`;
      try {
        if (disableStart(directory)) this.log.info('nothing but the guard starts it now', { file });
        return [];
      } catch (error) {
        return [`${file} (${codeOf(error) ?? messageOf(error)})`];
      }
    });
  }

  /** Debian's start nothing that is disabled. */
  #unmaskedUnits(): string[] {
    const { dataDirectory, root } = this;
    const debian = debianClustersOf(dataDirectory, root).map(({ unit }) => unit);
    return startingUnitsOf(dataDirectory, root).filter(
      (unit) => !debian.includes(unit) && !isUnitMasked(unit, root),
    );
  }
}
