import type { AsideReport } from '#libs/cluster';
import { messageOf, timelineId } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { controlledLsn } from '#libs/postgres-model';
import {
  asideOf,
  canPutBack,
  hasGone,
  type Installation,
  readControlData,
  removeAside,
  wholeAsideOf,
} from '#libs/postgres-run';

/**
 * What was moved aside for a copy that has not streamed yet. It is found again after a restart of the
 * agent, and stays in the report with its position: the last candidate (safety 25).
 */
export class AsideCopy {
  #report: AsideReport | null = null;
  #removing = false;

  constructor(
    readonly installation: Installation,
    readonly dataDirectory: string,
    readonly log: Logger,
  ) {}

  get report(): AsideReport | null {
    return this.#report;
  }

  /** A whole one, or one that is just being put back. */
  get canBePutBack(): boolean {
    return canPutBack(this.dataDirectory);
  }

  /** To be called at the start and after each step that may have moved something. */
  async look(): Promise<void> {
    const directory = asideOf(this.dataDirectory);
    if (directory === null) {
      this.#report = null;
      if (hasGone(this.dataDirectory)) this.#remove('what a crash had left');
      return;
    }
    if (wholeAsideOf(this.dataDirectory) === null) {
      this.#report = null;
      return;
    }
    if (this.#report?.directory === directory) return;
    try {
      const control = await readControlData(this.installation, directory);
      const { checkpointTimeline, minRecoveryTimeline, systemIdentifier } = control;
      const timeline = timelineId(Math.max(checkpointTimeline, minRecoveryTimeline));
      const position = { timeline, lsn: controlledLsn(control) };
      this.#report = { directory, systemIdentifier, position };
    } catch (error) {
      this.log.warn('the copy aside cannot be read', { directory, why: messageOf(error) });
    }
  }

  /** The copy that took its place streams. Goes on beside: of a large one it takes minutes. */
  remove(): void {
    const directory = asideOf(this.dataDirectory);
    if (directory === null) return;
    this.#report = null;
    this.#remove(directory);
  }

  #remove(what: string): void {
    if (this.#removing) return;
    this.#removing = true;
    removeAside(this.dataDirectory)
      .then(() => this.log.info('copy aside removed: the new one streams', { aside: what }))
      .catch((error: unknown) => {
        this.log.warn('copy aside not removed', { aside: what, why: messageOf(error) });
      })
      .finally(() => {
        this.#removing = false;
      });
  }
}
