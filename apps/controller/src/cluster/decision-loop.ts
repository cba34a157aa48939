import { type ClusterState, type Decision, decide } from '#libs/cluster';
import type { Applied } from '#libs/event-store';
import type { Clock, ClusterName } from '#libs/kernel';
import type { Log } from '../log.ts';
import { proposeCommand } from '../proposing.ts';
import type { ProposalLoss, ProposalOwner } from '../raft-host/proposals.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';
import type { Service } from './service.ts';

export type DecisionLoopOptions = {
  readonly host: RaftHost;
  readonly clock: Clock;
  readonly log: Log;
  readonly service: () => Service | null;
};

/**
 * Asks the rules about each cluster: at once when something changed, and at every tick. One batch of a
 * cluster is under way at a time; one that came too late is decided anew on what stands now.
 */
export class DecisionLoop {
  readonly #options: DecisionLoopOptions;
  readonly #changed = new Set<ClusterName>();
  readonly #underWay = new Map<ClusterName, PendingDecision>();

  constructor(options: DecisionLoopOptions) {
    this.#options = options;
  }

  changed(cluster: ClusterName): void {
    this.#changed.add(cluster);
  }

  allChanged(): void {
    for (const state of this.#options.host.store.clusters()) this.#changed.add(state.name);
  }

  run(): void {
    const service = this.#options.service();
    if (service === null) {
      this.#changed.clear();
      return;
    }
    for (const cluster of this.#changed) {
      this.#changed.delete(cluster);
      const state = this.#options.host.store.cluster(cluster);
      if (state !== null && !this.#underWay.has(cluster)) this.#decide(state, service);
    }
  }

  settled(pending: PendingDecision, applied: Applied | null): void {
    const { cluster, decision } = pending;
    this.#underWay.delete(cluster);
    const result = applied?.result ?? null;
    if (result === null || result.type !== 'rejected') return;
    if (expires(decision)) this.#options.service()?.leases.reopen(cluster);
    // What was not admitted would be decided the same way again: it waits for the next tick.
    if (result.code === 'STALE_VERSION') this.#changed.add(cluster);
    else this.#options.log.warn('decision not admitted', { cluster, why: result.message });
  }

  #decide(state: ClusterState, service: Service): void {
    const observations = service.observations.of(state.name, service.leaseOf(state));
    const decision = decide({ state, observations });
    if (decision === null) return;
    const { host, clock, log } = this.#options;
    const { name: cluster, version: expectedVersion } = state;
    if (expires(decision) && !service.leases.close(cluster)) return;
    const pending = new PendingDecision(this, cluster, decision);
    this.#underWay.set(cluster, pending);
    const events = decision.events.map((event) => event.type);
    log.info('decided', { cluster, rule: decision.rule, events, version: expectedVersion });
    const cause = { by: 'controller', rule: decision.rule };
    const at = clock.nowMs();
    const append = { type: 'append', cluster, expectedVersion, at, cause } as const;
    proposeCommand(host, { ...append, events: decision.events }, pending);
  }
}

class PendingDecision implements ProposalOwner {
  constructor(
    readonly loop: DecisionLoop,
    readonly cluster: ClusterName,
    readonly decision: Decision,
  ) {}

  onApplied(_index: number, applied: Applied): void {
    this.loop.settled(this, applied);
  }

  onLost(_loss: ProposalLoss): void {
    this.loop.settled(this, null);
  }
}

function expires(decision: Decision): boolean {
  return decision.events.some((event) => event.type === 'LeaseExpired');
}
