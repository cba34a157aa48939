import {
  type ClusterEvent,
  type ClusterState,
  decide,
  grantAfter,
  type Lease,
} from '#libs/cluster';
import type { Applied } from '#libs/event-store';
import { type Clock, lsnOf, timelineId } from '#libs/kernel';
import type { GuardRequest } from '#libs/protocol';
import type { GuardIdentity, GuardLink } from './guard-link.ts';
import type { Log } from './log.ts';
import { proposeCommand, type ReplicatedLog } from './replicated-log.ts';
import type { Service } from './service.ts';

export type ReleaseRequest = Extract<GuardRequest, { type: 'release' }>;
type Held = Extract<Lease, { epoch: unknown }>;

/** Other events of the cluster may come in between; more often than this is a fault. */
const ATTEMPTS_MAX = 8;

/**
 * Releases at the serving leader. Only the guard releases, as its last act in an epoch, or a later
 * start of the same guard on behalf of one that it proved down (safety 9). Answered once applied.
 */
export class Releases {
  constructor(
    readonly host: ReplicatedLog,
    readonly clock: Clock,
    readonly log: Log,
    readonly service: () => Service | null,
  ) {}

  accept(link: GuardLink, from: GuardIdentity, request: ReleaseRequest): void {
    this.#attempt(link, from, request, ATTEMPTS_MAX);
  }

  /** Who waits for this release is granted the next epoch with it, where the leader has seen enough. */
  #withGrant(state: ClusterState, released: ClusterEvent): readonly ClusterEvent[] {
    const service = this.service();
    if (service === null) return [released];
    const seen = service.observations.of(state.name, service.leaseOf(state));
    const observations = { ...seen, lease: null, wallMs: this.clock.nowMs() };
    const { protocol } = this.host.store;
    return [released, ...grantAfter({ state, observations, protocol }, released, decide)];
  }

  #attempt(link: GuardLink, from: GuardIdentity, request: ReleaseRequest, attempts: number): void {
    const { epoch } = request;
    const state = this.host.store.cluster(from.cluster);
    const verdict = judge(state, from, request);
    if (verdict.kind === 'over') link.answer({ type: 'released', epoch });
    if (verdict.kind === 'refused') {
      link.answer({ type: 'releaseRefused', epoch, reason: verdict.reason });
    }
    if (verdict.kind !== 'accepted') return;
    const { cluster } = from;
    proposeCommand(
      this.host,
      {
        type: 'append',
        cluster,
        expectedVersion: verdict.state.version,
        at: this.clock.nowMs(),
        cause: { by: from.instance, rule: 'guard-release' },
        events: this.#withGrant(verdict.state, releasedEvent(verdict.lease, request)),
      },
      {
        onApplied: (_index: number, { result }: Applied) => {
          if (result.type === 'rejected' && result.code === 'STALE_VERSION' && attempts > 1) {
            this.#attempt(link, from, request, attempts - 1);
          } else if (result.type === 'rejected') {
            this.log.warn('release not admitted', { ...from, epoch, why: result.message });
            link.answer({ type: 'releaseRefused', epoch, reason: result.message });
          } else {
            link.answer({ type: 'released', epoch });
          }
        },
        // The guard asks again; a repeated release of an ended epoch is answered as done.
        onLost: () => undefined,
      },
    );
  }
}

type Verdict =
  | { readonly kind: 'accepted'; readonly state: ClusterState; readonly lease: Held }
  | { readonly kind: 'over' }
  | { readonly kind: 'refused'; readonly reason: string };

function judge(state: ClusterState | null, from: GuardIdentity, request: ReleaseRequest): Verdict {
  if (state === null || state.lease.kind === 'NeverGranted') {
    return { kind: 'refused', reason: 'no epoch was ever granted' };
  }
  const { lease } = state;
  if (lease.epoch > request.epoch) return { kind: 'over' };
  if (lease.epoch < request.epoch) return { kind: 'refused', reason: 'it was never granted' };
  if (lease.holder !== from.instance) {
    return { kind: 'refused', reason: `epoch ${lease.epoch} is of ${lease.holder}` };
  }
  if (lease.kind !== 'Held') return { kind: 'over' };
  if (request.incarnation !== lease.guard) {
    return { kind: 'refused', reason: 'another start of the guard holds it' };
  }
  return { kind: 'accepted', state, lease };
}

function releasedEvent(lease: Held, request: ReleaseRequest): ClusterEvent {
  const { position, reason } = request;
  return {
    type: 'LeaseReleased',
    epoch: lease.epoch,
    guard: lease.guard,
    reason,
    position:
      position === null
        ? null
        : { timeline: timelineId(position.timeline), lsn: lsnOf(position.lsn) },
  };
}
