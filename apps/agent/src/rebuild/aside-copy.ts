import type { AsideReport } from '#libs/cluster';
import { messageOf, timelineId } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { controlledLsn } from '#libs/postgres-model';
import { asideOf, type Installation, readControlData, removeAside } from '#libs/postgres-run';

/**
 * What was moved aside for a copy that has not streamed yet. It is found again after a restart of the
 * agent, and stays in the report with its position: the last candidate (safety 25).
 */
export class AsideCopy {
  #report: AsideReport | null = null;

  constructor(
    readonly installation: Installation,
    readonly dataDirectory: string,
    readonly log: Logger,
  ) {}

  get report(): AsideReport | null {
    return this.#report;
  }

  get exists(): boolean {
    return asideOf(this.dataDirectory) !== null;
  }

  /** To be called at the start and after each step that may have moved something. */
  async look(): Promise<void> {
    const directory = asideOf(this.dataDirectory);
    if (directory === null) {
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

  /** The copy that took its place streams. */
  remove(): void {
    const directory = asideOf(this.dataDirectory);
    if (directory === null) return;
    removeAside(this.dataDirectory);
    this.#report = null;
    this.log.info('copy aside removed: the new one streams', { aside: directory });
  }
}
