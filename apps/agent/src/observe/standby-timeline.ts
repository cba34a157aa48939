import type { TimelineId } from '#libs/kernel';
import type { InstanceObservation } from '#libs/postgres-run';

/**
 * The timeline of a running standby, which PostgreSQL tells only while its receiver runs: without one
 * its control file may still name the timeline before the last promotion, since nothing but a
 * restartpoint brings it up to date. A standby that is taken for one of that older timeline seems to
 * have gone beyond its end: it would be stopped and rewound for nothing, or be no candidate.
 *
 * Within one start of a postmaster the timeline never goes back, so what was seen once holds.
 */
export class StandbyTimeline {
  #postmasterStartedAt: number | null = null;
  #timeline: TimelineId | null = null;

  /** The observation with the highest timeline that this postmaster was seen on. */
  complete(seen: InstanceObservation): InstanceObservation {
    if (seen.kind !== 'reachable' || seen.role.kind !== 'standby') return seen;
    const { role, postmasterStartedAt } = seen;
    if (this.#postmasterStartedAt !== postmasterStartedAt) this.#timeline = null;
    this.#postmasterStartedAt = postmasterStartedAt;
    const known = this.#timeline;
    if (known !== null && known > role.timeline) {
      return { ...seen, role: { ...role, timeline: known } };
    }
    this.#timeline = role.timeline;
    return seen;
  }
}
