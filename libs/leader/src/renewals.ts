import { type ClusterState, isHandedBack, isSynchronous, isWithdrawn } from '#libs/cluster';
import { type ClusterName, lsnOf, timelineId } from '#libs/kernel';
import type { GuardRequest } from '#libs/protocol';
import { missesRenewals } from './at-rest.ts';
import type { GuardIdentity, GuardLink } from './guard-link.ts';
import { answerTo, RENEWALS_PER_SECOND } from './renewal-interval.ts';
import type { ReplicatedLog } from './replicated-log.ts';
import type { RoundOwner } from './round-scheduler.ts';
import type { Service } from './service.ts';

export type RenewRequest = Extract<GuardRequest, { type: 'renew' }>;

/** So many that wait are worth a round of their own, and are answered in one go without holding up what comes in. */
const CROWD = 96;

/**
 * Renewals at the serving leader: accepted at once, answered after a confirmation round that began
 * after they arrived; so no answer comes from a leader that was replaced before it was asked.
 */
export class Renewals {
  readonly counts = { renewed: 0, refused: 0 };
  /** Told, for each renewal that is accepted, how old the lease had become. */
  onAge: (silentMs: number) => void = () => undefined;
  #lastRound = 0;
  #urgent = false;

  constructor(
    readonly host: ReplicatedLog,
    readonly service: () => Service | null,
    readonly perSecond = RENEWALS_PER_SECOND,
  ) {}

  /** @returns whether the rules are to be asked at once; a renewal like the one before tells them nothing. */
  accept(service: Service, link: GuardLink, from: GuardIdentity, request: RenewRequest): boolean {
    const { cluster, instance } = from;
    const now = service.clock.monotonicMs();
    const { epoch, incarnation: guard, nonce, position } = request;
    const state = this.host.store.cluster(cluster);
    // Also of one that is to end: a failover that is given up leaves it the primary, and the next one counts from here.
    if (position !== null && isHolder(state, from, request)) {
      const known = { timeline: timelineId(position.timeline), lsn: lsnOf(position.lsn) };
      service.observations.positionKnown(cluster, known, 0, now);
    }
    const foreign = refusalOf(state, from, request);
    if (foreign !== null) {
      this.#refuseConfirmed(link, from, request);
      return true;
    }
    const { postmaster, agentAbsentMs, failsafeVersion = null } = request;
    const heard = { incarnation: guard, epoch, postmaster, agentAbsentMs, failsafeVersion };
    const isNews = service.observations.guardHeard(cluster, instance, heard, now);
    const silentMs = service.leases.silentMs(cluster);
    const wasLate = state !== null && missesRenewals(service, state, silentMs);
    if (silentMs !== null) this.onAge(silentMs);
    service.leases.accept({ cluster, epoch, guard, nonce, reply: link }, now);
    const steady = isSteady(service, state);
    if (!steady || service.leases.pending >= CROWD) this.#urgent = true;
    // The next beat takes the others along: a turn of its own for each would be most of what a leader of thousands does.
    if (this.#urgent) this.host.schedule();
    return isNews || wasLate || !steady;
  }

  /** Before a round may begin: what arrived until now is proved by it. */
  beginRound(): void {
    const service = this.service();
    if (service === null || service.leases.pending === 0) return;
    this.#lastRound += 1;
    service.leases.roundBegan(this.#lastRound);
    const pace = this.#urgent ? 'at-once' : 'with-the-next-beat';
    this.#urgent = false;
    this.host.confirm(new LeaseRound(this, service, this.#lastRound), pace);
  }

  confirmed(service: Service, round: number): void {
    if (service !== this.service()) return;
    for (const { cluster, reply, epoch, nonce } of service.leases.roundConfirmed(round)) {
      this.counts.renewed += 1;
      const state = this.host.store.cluster(cluster as ClusterName);
      if (state === null) continue;
      const { crowdIntervalMs } = answerTo(service, state, epoch, this.perSecond);
      reply.answer({ type: 'renewed', epoch, nonce, crowdIntervalMs });
      if (isHandedBack(state)) reply.answer({ type: 'handBack', epoch });
    }
  }

  /**
   * "Stop at once" is said only by a leader that has proved that it is one, from the state as it was
   * then: a leader that was replaced unawares must not stop the primary of a newer epoch.
   */
  #refuseConfirmed(link: GuardLink, from: GuardIdentity, request: RenewRequest): void {
    this.host.confirm({
      onConfirmed: (readIndex) =>
        this.host.applies.whenApplied(readIndex, () => {
          const reason = refusalOf(this.host.store.cluster(from.cluster), from, request);
          const { epoch, nonce } = request;
          if (reason === null) return;
          this.counts.refused += 1;
          link.answer({ type: 'renewalRefused', epoch, nonce, reason });
        }),
      onUnconfirmed: () => undefined,
    });
  }
}

function isHolder(
  state: ClusterState | null,
  { instance }: GuardIdentity,
  { epoch, incarnation }: RenewRequest,
): boolean {
  const lease = state?.lease;
  if (lease?.kind !== 'Held' || lease.holder !== instance) return false;
  return lease.epoch === epoch && lease.guard === incarnation;
}

function refusalOf(
  state: ClusterState | null,
  { instance }: GuardIdentity,
  request: RenewRequest,
): string | null {
  const lease = state?.lease ?? null;
  // Every epoch of an older life of the controllers ends, so that the next one starts from reports.
  if (state?.restored?.confirmed === false) return 'the controllers were restored';
  if (lease === null || lease.kind === 'NeverGranted') return 'no epoch was ever granted';
  if (lease.kind !== 'Held') return `epoch ${lease.epoch} is over (${lease.kind.toLowerCase()})`;
  if (lease.epoch !== request.epoch) return `epoch ${lease.epoch} is held`;
  if (lease.holder !== instance) return `epoch ${lease.epoch} is held by ${lease.holder}`;
  if (lease.guard !== request.incarnation) return 'it is held by an earlier start of this guard';
  if (state !== null && isWithdrawn(state)) return `epoch ${lease.epoch} is to end: a failover`;
  return null;
}

/**
 * A primary that serves and was answered before by this very leader can wait for the next beat: its
 * right lasts many of them. Not where commits wait for standbys, whose fence is nearer than the lease's
 * end (`syncFenceMs`), and not while anything is under way.
 */
function isSteady(service: Service, state: ClusterState | null): boolean {
  if (state === null || state.operation.kind !== 'none' || isSynchronous(state)) return false;
  const { lease, name } = state;
  return (
    lease.kind === 'Held' && lease.serving && service.answered.get(name)?.epoch === lease.epoch
  );
}

class LeaseRound implements RoundOwner {
  constructor(
    readonly renewals: Renewals,
    readonly service: Service,
    readonly round: number,
  ) {}

  onConfirmed(): void {
    this.renewals.confirmed(this.service, this.round);
  }

  onUnconfirmed(): void {}
}
