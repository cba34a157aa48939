import {
  type ClusterEvent,
  type ClusterState,
  type Decision,
  decide,
  heldBackFor,
} from '#libs/cluster';
import type { Applied } from '#libs/event-store';
import type { Clock, ClusterName } from '#libs/kernel';
import { isAtRest } from './at-rest.ts';
import type { Log } from './log.ts';
import type { ProposalLoss, ProposalOwner } from './proposals.ts';
import { proposeCommand, type ReplicatedLog } from './replicated-log.ts';
import type { Service } from './service.ts';
import { TurnBudget } from './turn-budget.ts';

/** After a proposal that was not taken (leadership is being handed over): no attempt at each tick. */
const RETRY_AFTER_LOSS_MS = 250;
/**
 * With thousands of clusters at rest their rules would be most of what an idle leader does, and their renewals would wait
 * for it: each is asked in one tick of this many, and so few of them in one tick that no turn becomes long. (Those of five
 * thousand, all of them each second, were a fifth of what their leader did.)
 */
const TICKS_AT_REST = { least: 4, most: 160 } as const;
const AT_REST_PER_TICK = 32;
/**
 * Of the others all, in each tick, while they are so few. Thousands whose renewals are late, or whose failover finds
 * nobody, would take the leader's time from what ends their trouble; what is heard of one asks its rules at once.
 */
const TICKS_UNDER_WAY = { least: 1, most: 10 } as const;
const UNDER_WAY_PER_TICK = 256;

export type DecisionLoopOptions = {
  readonly host: ReplicatedLog;
  readonly clock: Clock;
  readonly log: Log;
  readonly service: () => Service | null;
  /** What happened, in words with their figures; absent: the log names the types alone. */
  readonly sentence?: (cluster: ClusterName, event: ClusterEvent) => string;
};

/**
 * Asks the rules about each cluster: at once when something changed, and with time. One batch of a
 * cluster is under way at a time; one that came too late is decided anew on what stands now.
 */
export class DecisionLoop {
  readonly #options: DecisionLoopOptions;
  readonly #changed = new Set<ClusterName>();
  readonly #underWay = new Map<ClusterName, PendingDecision>();
  /** Those that were not at rest when their rules were last asked. To look at all in each tick was a sixteenth of what a leader of 3,000 did. */
  readonly #restless = new Set<ClusterName>();
  #proposableFromMs = 0;
  #ticks = 0;
  /** Told once for each cluster and reason. */
  readonly #heldBack = new Map<ClusterName, string>();

  constructor(options: DecisionLoopOptions) {
    this.#options = options;
  }

  changed(cluster: ClusterName): void {
    this.#changed.add(cluster);
  }

  allChanged(): void {
    for (const state of this.#options.host.store.clusters()) this.#changed.add(state.name);
  }

  /** What only time changes; of a cluster at rest nothing that could not wait for some ticks. */
  ticked(): void {
    this.#ticks += 1;
    const states = this.#options.host.store.clusters();
    const resting = ticksFor(states.length, AT_REST_PER_TICK, TICKS_AT_REST);
    const restless = [...this.#restless];
    const underWay = ticksFor(restless.length, UNDER_WAY_PER_TICK, TICKS_UNDER_WAY);
    for (let at = this.#ticks % resting; at < states.length; at += resting) {
      const name = states[at]?.name;
      if (name !== undefined && !this.#restless.has(name)) this.#changed.add(name);
    }
    for (let at = this.#ticks % underWay; at < restless.length; at += underWay) {
      const name = restless[at];
      if (name !== undefined) this.#changed.add(name);
    }
  }

  /** What one turn has no time for, the next one asks: sockets are read and rounds begun in between. */
  run(): void {
    const service = this.#options.service();
    if (service === null) {
      this.#changed.clear();
      this.#restless.clear();
      return;
    }
    // Kept as changed until then: a transfer that is under way, or its end, decides who goes on.
    if (this.#options.clock.monotonicMs() < this.#proposableFromMs) return;
    const budget = new TurnBudget(this.#options.clock);
    for (const cluster of this.#changed) {
      if (!budget.take()) {
        this.#options.host.schedule();
        return;
      }
      this.#changed.delete(cluster);
      const state = this.#options.host.store.cluster(cluster);
      if (state === null) continue;
      if (isAtRest(service, state)) this.#restless.delete(cluster);
      else this.#restless.add(cluster);
      if (!this.#underWay.has(cluster)) this.#decide(state, service);
    }
  }

  lost({ cluster, decision }: PendingDecision, { outcome }: ProposalLoss): void {
    this.#underWay.delete(cluster);
    // What may yet be applied leaves the lease closed: nothing is renewed that could be over.
    if (outcome === 'notApplied' && expires(decision)) {
      this.#options.service()?.leases.reopen(cluster);
    }
    this.#changed.add(cluster);
    this.#proposableFromMs = this.#options.clock.monotonicMs() + RETRY_AFTER_LOSS_MS;
  }

  settled({ cluster, decision }: PendingDecision, { result }: Applied): void {
    const { log, sentence } = this.#options;
    this.#underWay.delete(cluster);
    if (result.type !== 'rejected') {
      const events = decision.events.map((event) => event.type);
      const version = result.type === 'appended' ? result.version : null;
      const told = sentence && { told: decision.events.map((event) => sentence(cluster, event)) };
      log.info('decided', { cluster, rule: decision.rule, events, ...told, version });
      return;
    }
    if (expires(decision)) this.#options.service()?.leases.reopen(cluster);
    // What was not admitted would be decided the same way again: it waits for the next tick.
    if (result.code === 'STALE_VERSION') this.#changed.add(cluster);
    else log.warn('decision not admitted', { cluster, why: result.message });
  }

  /** An older controller would fold another state, or stop: it is decided anew once all know it. */
  #isHeldBack(cluster: ClusterName, { rule, events }: Decision): boolean {
    const { host, log } = this.#options;
    const why = heldBackFor(events, host.store.protocol);
    if (why === null) {
      this.#heldBack.delete(cluster);
      return false;
    }
    if (this.#heldBack.get(cluster) !== why) log.warn('decision held back', { cluster, rule, why });
    this.#heldBack.set(cluster, why);
    return true;
  }

  #decide(state: ClusterState, service: Service): void {
    const seen = service.observations.of(state.name, service.leaseOf(state));
    const observations = { ...seen, wallMs: this.#options.clock.nowMs() };
    const { protocol } = this.#options.host.store;
    const decision = decide({ state, observations, protocol });
    if (decision === null) return;
    const { host, clock } = this.#options;
    const { name: cluster, version: expectedVersion } = state;
    if (this.#isHeldBack(cluster, decision)) return;
    if (expires(decision) && !service.leases.close(cluster)) return;
    const pending = new PendingDecision(this, cluster, decision);
    this.#underWay.set(cluster, pending);
    const cause = { by: 'controller', rule: decision.rule };
    const at = clock.nowMs();
    const append = { type: 'append', cluster, expectedVersion, at, cause } as const;
    proposeCommand(host, { ...append, events: decision.events }, pending);
  }
}

/** In so many ticks each of `count` is asked once. */
function ticksFor(
  count: number,
  perTick: number,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  return Math.min(most, Math.max(least, Math.ceil(count / perTick)));
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

  onLost(loss: ProposalLoss): void {
    this.loop.lost(this, loss);
  }
}

function expires(decision: Decision): boolean {
  return decision.events.some((event) => event.type === 'LeaseExpired');
}
