import { type ClusterEvent, vocabularyProblem } from '#libs/cluster';
import type { Logger } from '#libs/observability';
import { PROTOCOL_MAX } from '#libs/protocol';

/**
 * Whether this version understands all that the controllers record. One that is older than what its group
 * has switched on must not fold what it knows by half: it keeps the state from before, which no leader
 * confirms any more, so it acts on nothing. PostgreSQL and its guard go on meanwhile.
 */
export class Understanding {
  #groupLevel = 0;
  #strange: string | null = null;

  constructor(
    readonly log: Logger,
    readonly ownLevel: number = PROTOCOL_MAX,
  ) {}

  /** In one line with the way out; null when all is understood. */
  get problem(): string | null {
    const older = this.#groupLevel > this.ownLevel;
    if (!older && this.#strange === null) return null;
    const what = this.#strange === null ? '' : ` and recorded ${this.#strange}`;
    const group = older
      ? `are at level ${this.#groupLevel}${what}`
      : `have recorded ${this.#strange}`;
    return (
      `this agent speaks the protocol up to level ${this.ownLevel}, its controllers ${group}: it acts on ` +
      'nothing that it does not understand; install the version of the controllers here'
    );
  }

  /** What the controllers have switched on; controllers that say nothing are no newer. */
  heardLevel(level: number | undefined): void {
    if (level === undefined || level === this.#groupLevel) return;
    this.#groupLevel = level;
    this.#tell();
  }

  /** A whole state tells by its level only whether there is something in it that is not known here. */
  coversState(level: number | undefined): boolean {
    this.heardLevel(level);
    const covered = (level ?? 0) <= this.ownLevel;
    if (covered) this.#strange = null;
    return covered;
  }

  coversEvent(event: ClusterEvent): boolean {
    const problem = vocabularyProblem(event, this.ownLevel);
    if (problem === null) return true;
    if (problem.what !== this.#strange) {
      this.#strange = problem.what;
      this.#tell();
    }
    return false;
  }

  #tell(): void {
    const { problem } = this;
    if (problem !== null) this.log.error('agent older than its controllers', { problem });
  }
}
