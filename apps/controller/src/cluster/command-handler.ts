import type { CreateClusterRequest } from '#libs/api';
import {
  type ClusterState,
  type CommandDecision,
  decideCommand,
  heldBackFor,
  type OperatorCommand,
  type RecordedEvent,
} from '#libs/cluster';
import type { Clock, ClusterName } from '#libs/kernel';
import type { Service } from '#libs/leader';
import { encode } from '#libs/protocol';
import { appliedCommand } from '../proposing.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';
import { accessRefusals } from './access-refusals.ts';

export type OrderOutcome =
  | {
      readonly kind: 'committed';
      readonly sequenceBefore: number;
      readonly events: readonly RecordedEvent[];
    }
  | Extract<CommandDecision, { kind: 'satisfied' | 'refused' }>
  | { readonly kind: 'unknownCluster' }
  | { readonly kind: 'notServing' }
  | { readonly kind: 'clusterExists' }
  | { readonly kind: 'notAdmitted'; readonly why: string };

/** An order is decided against the present state; that often the state changed under it. */
const ATTEMPTS_MAX = 8;

/** Orders of operators: decided by the leader on what stands now, committed, then answered. */
export class CommandHandler {
  readonly #creating = new Set<ClusterName>();

  constructor(
    readonly host: RaftHost,
    readonly clock: Clock,
    readonly service: () => Service | null,
  ) {}

  /** @throws ProposalLostError */
  async order(cluster: ClusterName, command: OperatorCommand, by: string): Promise<OrderOutcome> {
    for (let attempt = 1; ; attempt += 1) {
      const service = this.service();
      if (service === null) return { kind: 'notServing' };
      const state = this.host.store.cluster(cluster);
      if (state === null) return { kind: 'unknownCluster' };
      const verdict = this.#decide(service, state, command);
      if (verdict.kind !== 'decided') return verdict;
      const { rule, events } = verdict.decision;
      const why = heldBackFor(events, this.host.store.protocol);
      if (why !== null) return { kind: 'notAdmitted', why };
      const { result, events: recorded } = await appliedCommand(this.host, {
        type: 'append',
        cluster,
        expectedVersion: state.version,
        at: this.clock.nowMs(),
        cause: { by, rule },
        events,
      });
      if (result.type !== 'rejected') {
        return { kind: 'committed', sequenceBefore: sequenceBefore(recorded), events: recorded };
      }
      if (result.code !== 'STALE_VERSION' || attempt === ATTEMPTS_MAX) {
        return { kind: 'notAdmitted', why: result.message };
      }
    }
  }

  /**
   * The passwords go in first, so that no agent ever meets a cluster without them.
   *
   * @throws ProposalLostError
   */
  async create(request: CreateClusterRequest, by: string): Promise<OrderOutcome> {
    const { name: cluster, settings, postgres, credentials, standbyOf } = request;
    const copied = standbyOf === undefined ? {} : { standbyOf };
    const refusals = accessRefusals(postgres);
    if (refusals.length > 0) return { kind: 'refused', refusals };
    if (this.service() === null) return { kind: 'notServing' };
    if (this.host.store.cluster(cluster) !== null || this.#creating.has(cluster)) {
      return { kind: 'clusterExists' };
    }
    const events = [{ type: 'ClusterCreated', settings, postgres, ...copied }] as const;
    const why = heldBackFor(events, this.host.store.protocol);
    if (why !== null) return { kind: 'notAdmitted', why };
    this.#creating.add(cluster);
    try {
      const value = encode(credentials);
      await appliedCommand(this.host, { type: 'credentials', cluster, value });
      const applied = await appliedCommand(this.host, {
        type: 'append',
        cluster,
        expectedVersion: 0,
        at: this.clock.nowMs(),
        cause: { by, rule: 'operator-create' },
        events,
      });
      if (applied.result.type === 'rejected') return { kind: 'clusterExists' };
      const { events: recorded } = applied;
      return { kind: 'committed', sequenceBefore: sequenceBefore(recorded), events: recorded };
    } finally {
      this.#creating.delete(cluster);
    }
  }

  #decide(service: Service, state: ClusterState, command: OperatorCommand): CommandDecision {
    const observations = service.observations.of(state.name, service.leaseOf(state));
    // Which other clusters there are is committed state: the leader that serves has all of it.
    return decideCommand({ state, observations, others: this.host.store.clusters() }, command);
  }
}

function sequenceBefore(events: readonly RecordedEvent[]): number {
  return (events[0]?.sequence ?? 1) - 1;
}
