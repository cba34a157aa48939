import type { ClusterEvent, ClusterState, RecordedEvent } from '#libs/cluster';
import { leaseTimingOf, raisesVersion } from '#libs/cluster';
import type { Clock, Epoch } from '#libs/kernel';
import { type CappedTime, type HeldLease, LeaseClock } from '#libs/lease';
import type { GuardLink } from './guard-link.ts';
import { NameClaims } from './name-claims.ts';
import { ObservationTable } from './observations.ts';

/** After them it is known that PostgreSQL was started, and by whose order. */
const TELL_OF_A_START: ReadonlySet<ClusterEvent['type']> = new Set([
  'Promoted',
  'PrimaryResumed',
  'RestartDone',
]);

export type AnsweredRenewal = {
  readonly epoch: Epoch;
  /** As the guard was told. */
  readonly crowdIntervalMs: number | null;
  /** Of what that was worked out: of this state, and the interval that all guards together should keep. */
  readonly state: ClusterState;
  readonly soughtMs: number;
};

/**
 * What a controller holds in memory while it leads and serves, and only then: made when its own-term
 * entry was applied, dropped when leadership ends. So every age begins at zero with each new leader.
 */
export class Service {
  readonly leases: LeaseClock<GuardLink>;
  readonly observations: ObservationTable;
  /** Which agent is heard under which name. */
  readonly names: NameClaims;
  /** Clusters whose lease may be declared expired: the wait is over and nobody heard the guard. */
  readonly expiryDue = new Set<string>();
  /** The last answer to a renewal of each cluster in this service. */
  readonly answered = new Map<string, AnsweredRenewal>();

  constructor(
    readonly term: number,
    readonly time: CappedTime,
    readonly clock: Clock,
    states: readonly ClusterState[],
  ) {
    const now = clock.monotonicMs();
    this.leases = new LeaseClock(time);
    this.observations = new ObservationTable(time, now);
    this.names = new NameClaims(time, now);
    for (const state of states) this.leases.follow(state.name, heldLease(state), now);
  }

  /** After the events of one batch were applied. */
  follow(state: ClusterState, events: readonly RecordedEvent[]): void {
    const now = this.clock.monotonicMs();
    this.leases.follow(state.name, heldLease(state), now);
    if (state.lease.kind !== 'Held') this.expiryDue.delete(state.name);
    for (const { event } of events) {
      if (event.type === 'ActionRefused') this.observations.refused(state.name, now);
      if (event.type === 'FailoverCompleted') this.observations.failedOver(state.name, now);
      if (event.type === 'ClusterResumed') this.observations.resumed(state.name, now);
      if (event.type === 'RestartOrdered') this.observations.restartOrdered(state.name, now);
      if (event.type === 'ClockJumped') this.observations.clockJumpRecorded(state.name);
      if (TELL_OF_A_START.has(event.type) && 'instance' in event) {
        this.observations.restartTold(state.name, event.instance);
      }
      if (raisesVersion(event)) this.observations.versionRaised(state.name, now);
    }
  }

  leaseOf(state: ClusterState): { readonly silentMs: number; readonly expiryDue: boolean } | null {
    const silentMs = this.leases.silentMs(state.name);
    if (silentMs === null) return null;
    return { silentMs, expiryDue: this.expiryDue.has(state.name) };
  }
}

function heldLease(state: ClusterState): HeldLease | null {
  const { lease } = state;
  if (lease.kind !== 'Held') return null;
  return {
    cluster: state.name,
    epoch: lease.epoch,
    guard: lease.guard,
    terms: leaseTimingOf(state),
  };
}
