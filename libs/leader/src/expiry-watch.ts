import type { Clock, ClusterName } from '#libs/kernel';
import { Brake, type ExpiryDue } from '#libs/lease';
import type { ControllerMessage } from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import type { DecisionLoop } from './decision-loop.ts';
import type { Log } from './log.ts';
import { renewalDueMs } from './renewal-interval.ts';
import { proposeCommand, type ReplicatedLog } from './replicated-log.ts';
import type { Service } from './service.ts';

/** Followers answer from memory; one that takes longer could not lead either. */
const ANSWER_LIMIT_MS = 200;

/** The other controllers, as far as doubt needs them. */
export interface OtherControllers {
  isUp(id: MemberId): boolean;
  tellAll(message: ControllerMessage): void;
}

export type ExpiryWatchOptions = {
  readonly host: ReplicatedLog;
  readonly network: OtherControllers;
  readonly decisions: DecisionLoop;
  readonly clock: Clock;
  readonly log: Log;
  readonly electionTimeoutMs: number;
};

/**
 * Which leases may be declared expired. Before the first one the leader doubts itself: it asks the
 * other voters whether they heard that guard, and hands leadership to one that did (safety 20).
 */
export class ExpiryWatch {
  readonly #options: ExpiryWatchOptions;
  readonly #brake = new Brake(ANSWER_LIMIT_MS);
  #handingOverUntilMs = 0;

  constructor(options: ExpiryWatchOptions) {
    this.#options = options;
  }

  /** `BrakeUsed` was applied, on whichever controller. */
  used(cluster: ClusterName, epoch: Parameters<Brake['used']>[1]): void {
    this.#brake.used(cluster, epoch, this.#options.clock.monotonicMs());
  }

  answered(inquiry: number, from: number, heard: boolean): void {
    this.#brake.answered(inquiry, String(from), heard);
  }

  tick(service: Service): void {
    const { clock, network, decisions } = this.#options;
    const now = clock.monotonicMs();
    const due = service.leases.due();
    const stillDue = new Set(due.map((lease) => lease.cluster));
    for (const cluster of service.expiryDue) {
      if (!stillDue.has(cluster)) service.expiryDue.delete(cluster);
    }
    if (due.length === 0 || now < this.#handingOverUntilMs) return;
    for (const { due: lease, verdict } of this.#brake.judge(due, this.#others(), now)) {
      const cluster = lease.cluster as ClusterName;
      if (verdict.kind === 'ask') {
        const guard = this.#guardOf(cluster);
        const { inquiry } = verdict;
        const withinMs = this.#laterThanLeader(service, cluster, lease);
        network.tellAll({ type: 'heardInquiry', inquiry, guard, withinMs });
      } else if (verdict.kind === 'hand-over') {
        this.#handOver(lease, Number(verdict.to));
        return;
      } else if (verdict.kind === 'expire' && !service.expiryDue.has(cluster)) {
        service.expiryDue.add(cluster);
        decisions.changed(cluster);
      }
    }
  }

  /**
   * A follower's ear is evidence against the leader's only when it heard clearly later: a guard that
   * lives sends to everybody after one missed answer, while one that died with its host may have been
   * heard by a follower just as lately as by the leader.
   */
  #laterThanLeader(service: Service, cluster: ClusterName, { silentMs }: ExpiryDue): number {
    const state = this.#options.host.store.cluster(cluster);
    const intervalMs = state === null ? 0 : renewalDueMs(service, state);
    return Math.max(0, silentMs - 2 * intervalMs);
  }

  #others(): string[] {
    const { host, network } = this.#options;
    const { membership, self } = host.status();
    const others = membership.voters.filter((id) => id !== self && network.isUp(id));
    return others.map(String);
  }

  #guardOf(cluster: ClusterName): string {
    const lease = this.#options.host.store.cluster(cluster)?.lease;
    return lease === undefined || lease.kind === 'NeverGranted' ? '' : `${cluster}/${lease.holder}`;
  }

  #handOver(lease: ExpiryDue, to: number): void {
    const { host, clock, log, electionTimeoutMs } = this.#options;
    const cluster = lease.cluster as ClusterName;
    const state = host.store.cluster(cluster);
    if (state === null) return;
    this.#handingOverUntilMs = clock.monotonicMs() + 2 * electionTimeoutMs;
    const { epoch } = lease;
    log.warn('another controller hears a guard that this one does not', { cluster, epoch, to });
    proposeCommand(
      host,
      {
        type: 'append',
        cluster,
        expectedVersion: state.version,
        at: clock.nowMs(),
        cause: { by: 'controller', rule: 'brake' },
        events: [{ type: 'BrakeUsed', epoch, term: host.role.term }],
      },
      {
        onApplied: (_index, { result }) => {
          if (result.type === 'appended') host.transferLeadership(to);
        },
        onLost: () => undefined,
      },
    );
  }
}
