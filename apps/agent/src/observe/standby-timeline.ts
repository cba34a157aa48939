import type { TimelineId } from '#libs/kernel';
import type { InstanceObservation } from '#libs/postgres-run';

/**
 * The timeline of a running standby, which PostgreSQL tells only while its receiver runs: without one
 * its control file may still name the timeline before the last promotion, since nothing but a
 * restartpoint brings it up to date. A standby that is taken for one of that older timeline seems to
 * have gone beyond its end: it would be stopped and rewound for nothing, or be no candidate.
 *
 * Within one start of a postmaster the timeline never goes back, so what was seen once holds; and what
 * its WAL ended on before the start it is on after it.
 */
export class StandbyTimeline {
  #postmasterStartedAt: number | null = null;
  #timeline: TimelineId | null = null;
  #sure = false;

  /** False while the control file alone has told it: the WAL may go on along later ones. */
  get isSure(): boolean {
    return this.#sure;
  }

  /**
   * The observation with the highest timeline that this postmaster was seen on.
   *
   * @param before where the WAL ended when it was read before this start; null: it was not read
   */
  complete(seen: InstanceObservation, before: TimelineId | null = null): InstanceObservation {
    if (seen.kind !== 'reachable' || seen.role.kind !== 'standby') return seen;
    const { role, postmasterStartedAt } = seen;
    if (this.#postmasterStartedAt !== postmasterStartedAt) {
      this.#timeline = before;
      this.#sure = before !== null;
    }
    this.#postmasterStartedAt = postmasterStartedAt;
    if (role.receiver !== undefined) this.#sure = true;
    const known = this.#timeline;
    if (known !== null && known > role.timeline) {
      return { ...seen, role: { ...role, timeline: known } };
    }
    this.#timeline = role.timeline;
    return seen;
  }

  /** The WAL beside this postmaster was read; `onDisk` null: it could not be, and nothing else is to come. */
  learn(onDisk: TimelineId | null): void {
    this.#sure = true;
    const known = this.#timeline;
    if (onDisk !== null && (known === null || onDisk > known)) this.#timeline = onDisk;
  }
}
