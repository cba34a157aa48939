import type { DigestReport } from '#libs/event-store';
import { type MonotonicMs, monotonicMs } from '#libs/kernel';
import {
  type LevelledLog,
  type ProposalOwner,
  ProtocolSwitch,
  StateWatch,
  type WatchedLog,
} from '#libs/leader';
import { Feature, PROTOCOL_MAX } from '#libs/protocol';
import type { MemberId, RaftMachine, RaftStatus, RoleChange } from '#libs/raft';
import type { Condition } from './condition.ts';
import type { SimApplied } from './sim-applied.ts';
import type { SimRegisters } from './sim-registers.ts';
import type { Surroundings } from './surroundings.ts';
import { Violation } from './violation.ts';

const CHECK_EVERY_MS = 400;
/** Beyond those of clients. */
const FIRST_OWN_SERIAL = 0x6000_0000;

/** It stops, and starts with the newest version. */
export function upgrade(member: { readonly condition: Condition; crash(): void }): void {
  if (member.condition.speaks === PROTOCOL_MAX) return;
  member.condition.speaks = PROTOCOL_MAX;
  member.crash();
}

/** The next value that it applies is written wrongly. */
export function spoil({ running, condition, applied }: IntegritySeat): void {
  if (!running || applied.registers === null) return;
  condition.spoiled = true;
  applied.registers.spoilNext();
}

/** The member around it, in one of its lives. */
export type IntegritySeat = {
  readonly id: MemberId;
  readonly machine: RaftMachine;
  readonly applied: SimApplied;
  readonly serving: boolean;
  readonly running: boolean;
  readonly condition: Condition;
  operate(run: (machine: RaftMachine) => void): void;
};

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * What compares the states of the members and switches features of newer versions on, as in a controller,
 * around one member: the host of these parts.
 */
export class SimIntegrity implements WatchedLog, LevelledLog {
  readonly #switch: ProtocolSwitch;
  readonly #watch: StateWatch;
  readonly #waiting = new Set<ProposalOwner>();
  #serial = 0;

  constructor(
    private readonly seat: IntegritySeat,
    private readonly registers: SimRegisters,
    private readonly world: Surroundings,
  ) {
    const [host, log, ownMax] = [this, SILENT, seat.condition.speaks];
    const network = {
      protocolOf: (id: MemberId): number | null => this.#protocolOf(id),
      tell: (to: MemberId, { index, digest }: Omit<DigestReport, 'member'>): boolean =>
        world.network.carry(seat.id, to, () => {
          const other = world.memberOf(to);
          const report = { member: seat.id, index, digest };
          other?.operate(() => other.integrity?.reported(report));
        }),
    };
    this.#switch = new ProtocolSwitch({ host, network, agents: () => [], log, ownMax });
    const checkEveryMs = CHECK_EVERY_MS;
    this.#watch = new StateWatch({ host, network, log, checkEveryMs, nameOf: () => null });
  }

  get store(): SimRegisters['store'] {
    return this.registers.store;
  }

  get applies(): WatchedLog['applies'] {
    return { membership: this.seat.applied };
  }

  get role(): RoleChange {
    const { role, term, leader, serving, why } = this.status();
    return { role, term, leader, serving, why };
  }

  get isolated(): string | null {
    return this.seat.condition.isolated;
  }

  status(): RaftStatus {
    return this.seat.machine.status();
  }

  nowMs(): MonotonicMs {
    return monotonicMs(this.world.scheduler.nowMs);
  }

  isolate(finding: string): void {
    const { seat } = this;
    if (!seat.condition.spoiled) {
      throw new Violation('only a member whose state went wrong is isolated', {
        id: seat.id,
        finding,
      });
    }
    seat.condition.isolated = finding;
    this.world.stats['isolated'] = (this.world.stats['isolated'] ?? 0) + 1;
    seat.operate((machine) => machine.neverLead());
  }

  fail(error: unknown): void {
    throw new Violation('nobody meets what its version does not know', { error: String(error) });
  }

  propose(payload: Uint8Array, owner: ProposalOwner): void {
    this.#serial += 1;
    const serial = FIRST_OWN_SERIAL + this.seat.id * 0x10_0000 + this.#serial;
    const accepted = this.registers.propose(this.seat.machine, serial, payload, (result) => {
      if (!this.#waiting.delete(owner)) return;
      owner.onApplied(this.seat.applied.index, { result, writes: [], events: [], answer: null });
    });
    if (accepted) this.#waiting.add(owner);
    else owner.onLost({ code: 'NOT_LEADER', outcome: 'notApplied', leader: 0 });
  }

  reported(report: DigestReport): void {
    this.#watch.reported(report);
  }

  tick(): void {
    if (!this.seat.serving || this.isolated !== null) return;
    this.#switch.tick();
    this.#watch.tick(this.status().term);
  }

  /** Whoever is odd is isolated, and the group uses what all of its members know, if all are there. */
  isSettled(allAreThere: boolean): boolean {
    if (this.registers.odd && this.isolated === null) return false;
    return !allAreThere || this.store.protocol === PROTOCOL_MAX;
  }

  afterTurn(): void {
    const { role } = this.status();
    if (role === 'leader' && this.isolated !== null) {
      throw new Violation('an isolated member leads no more', { id: this.seat.id });
    }
    if (role !== 'leader') this.#loseAll();
    this.#checkKnown();
    this.#watch.afterApply();
  }

  /** Whoever was removed may be sent what the others do next, and stops. */
  #checkKnown(): void {
    const { id, applied, condition } = this.seat;
    const { speaks } = condition;
    if (!applied.membership.members.some((member) => member.id === id)) return;
    this.#switch.checkOwn(`c${id}`);
    if (speaks < Feature.stateChecks && this.store.checks.newest !== null) {
      this.fail(`member ${id} of level ${speaks} met a check of states`);
    }
  }

  #loseAll(): void {
    for (const owner of this.#waiting) {
      owner.onLost({ code: 'LEADERSHIP_LOST', outcome: 'unknown', leader: 0 });
    }
    this.#waiting.clear();
  }

  #protocolOf(id: MemberId): number | null {
    const other = this.world.memberOf(id);
    const { seat, world } = this;
    if (other?.running !== true || other.emptied) return null;
    if (world.network.isCut(seat.id, id)) return null;
    return Math.min(seat.condition.speaks, other.condition.speaks);
  }
}

/** Null in worlds in which states are not compared. */
export function integrityOf(
  seat: IntegritySeat,
  registers: SimRegisters | null,
  world: Surroundings,
): SimIntegrity | null {
  if (!world.swarm.integrity || registers === null) return null;
  return new SimIntegrity(seat, registers, world);
}
