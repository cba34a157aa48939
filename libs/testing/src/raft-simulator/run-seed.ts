import { InvariantError, messageOf, type Prng, seededPrng } from '#libs/kernel';
import { PROTOCOL_MAX, PROTOCOL_MIN } from '#libs/protocol';
import type { MemberId, Membership } from '#libs/raft';
import { historyLines, type Operation } from '../linearizability/index.ts';
import { Ends } from './ends.ts';
import { type FaultScene, healAll, planFaults } from './faults.ts';
import { foundingMembership } from './founders.ts';
import { Network } from './network.ts';
import { Oracle } from './oracle.ts';
import { Scheduler } from './scheduler.ts';
import { startSessionClients } from './session-clients.ts';
import { SessionOracle } from './session-oracle.ts';
import { type LessWorld, shrunkSwarm } from './shrink.ts';
import { SimMember } from './sim-member.ts';
import type { Surroundings } from './surroundings.ts';
import { swarmOf } from './swarm.ts';
import { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { Wire } from './wire.ts';
import { Workload } from './workload.ts';

/** After healing, the group has this long to find together. */
const LIVENESS_MS = 120_000;
/** More steps than any honest run takes: a storm of messages is a failure too. */
const STEPS_MAX = 1_500_000;

export type SeedOptions = {
  readonly keepTrace?: boolean;
  /** Of the clients with sessions, in worlds that have them. */
  readonly keepHistory?: boolean;
  /** What `shrinkSeed` takes away from the world that the seed draws. */
  readonly less?: LessWorld;
};

export type SeedResult = {
  readonly seed: number;
  readonly ok: boolean;
  readonly violation: string | null;
  readonly traceHash: string;
  /** Only with `keepTrace`. */
  readonly trace: string;
  /** One line of JSON an operation; only with `keepHistory`. */
  readonly history: string;
  readonly stats: Readonly<Record<string, number>>;
};

/** One group of machines, its world and its faults, all drawn from `seed`. */
export async function runRaftSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const run = new SeedRun(seed, options.keepTrace ?? false, options.less ?? {});
  let violation: string | null = null;
  try {
    await run.safetyPhase();
    await run.livenessPhase();
    run.durabilityScan();
  } catch (error) {
    if (!(error instanceof Violation) && !(error instanceof InvariantError)) throw error;
    violation = messageOf(error);
  }
  const { trace, stats } = run;
  const history = options.keepHistory === true ? historyLines(run.history) : '';
  return {
    ...{ seed, ok: violation === null, violation },
    ...{ traceHash: trace.hash, trace: trace.text, history, stats },
  };
}

class SeedRun {
  readonly trace: Trace;
  readonly stats: Record<string, number> = {};
  readonly #scheduler = new Scheduler();
  readonly #oracle = new Oracle();
  readonly #members = new Map<MemberId, SimMember>();
  readonly #world: Surroundings;
  readonly #faults: FaultScene;
  readonly #workload: Workload;
  readonly #sessions: SessionOracle | null;
  readonly #nextSeed: () => number;
  readonly #safetyMs: number;
  readonly #chance: Prng;
  #joined = 0;
  #steps = 0;
  #over = false;

  constructor(seed: number, keepTrace: boolean, less: LessWorld) {
    this.trace = new Trace(keepTrace);
    const swarm = shrunkSwarm(swarmOf(seed), less);
    this.#safetyMs = swarm.safetyMs;
    this.#chance = seededPrng(seed * 23 + 11);
    const source = seededPrng(seed * 7 + 3);
    this.#nextSeed = () => source.next();
    const scheduler = this.#scheduler;
    const count = (what: string): void => {
      this.stats[what] = (this.stats[what] ?? 0) + 1;
    };
    const wire = new Wire(seededPrng(seed * 17 + 1), swarm, count);
    const network = new Network(scheduler, seededPrng(source.next()), swarm, wire, (packet) =>
      this.#members.get(packet.message.to)?.receive(packet),
    );
    const memberOf = (id: MemberId): SimMember | undefined => this.#members.get(id);
    const members = (): readonly SimMember[] => [...this.#members.values()];
    const over = (): boolean => this.#over;
    const { trace, stats } = this;
    const sessions = swarm.sessions ? new SessionOracle() : null;
    this.#sessions = sessions;
    const oracle = this.#oracle;
    const ends = new Ends({
      ...{ scheduler, network, swarm, members },
      prng: seededPrng(seed * 43 + 17),
    });
    const ended = (id: MemberId): void => ends.of(id);
    this.#world = { scheduler, network, oracle, sessions, trace, swarm, memberOf, ended, stats };
    const prng = seededPrng(source.next());
    const bootstrap = foundingMembership(swarm.members);
    this.#faults = { scheduler, prng, network, swarm, members, over, bootstrap, count, ends };
    const join = (): number | null => (this.#joined < swarm.joiners ? this.#join() : null);
    const workPrng = seededPrng(source.next());
    this.#workload = new Workload({ scheduler, prng: workPrng, swarm, members, join, over });
    if (sessions !== null) {
      const leaning = (): SimMember => this.#workload.leaning();
      const sessionPrng = seededPrng(seed * 19 + 7);
      startSessionClients({ scheduler, prng: sessionPrng, oracle: sessions, leaning, over });
    }
    for (const id of bootstrap.voters) {
      const speaks = id <= swarm.oldMembers ? PROTOCOL_MIN : PROTOCOL_MAX;
      this.#start(id, bootstrap, speaks);
    }
  }

  get history(): readonly Operation[] {
    return this.#sessions?.history ?? [];
  }

  async safetyPhase(): Promise<void> {
    planFaults(this.#faults);
    this.#workload.start();
    while (this.#scheduler.runNext(this.#safetyMs)) {
      if (this.#scheduler.promised) await this.#scheduler.settle();
      this.#afterStep();
    }
    this.#over = true;
  }

  /**
   * All faults end: one leader, a fresh write and a fresh read must come, in some worlds from a bare
   * majority whose logs and terms are as the faults left them; then everybody, with equal logs.
   */
  async livenessPhase(): Promise<void> {
    const asleep = this.#putToSleep();
    healAll(this.#faults);
    const untilMs = this.#safetyMs + LIVENESS_MS;
    let wantedMs = this.#scheduler.nowMs + 500;
    let freshFrom: number | null = null;
    while (this.#scheduler.runNext(untilMs)) {
      if (this.#scheduler.promised) await this.#scheduler.settle();
      this.#afterStep();
      if (this.#scheduler.nowMs < wantedMs) continue;
      wantedMs = this.#scheduler.nowMs + 250;
      if (freshFrom === null && this.#servingLeader() !== null) {
        freshFrom = this.#oracle.newestAcknowledgedIndex;
      }
      if (freshFrom === null) continue;
      if (this.#oracle.newestAcknowledgedIndex > freshFrom) {
        for (const member of asleep.splice(0)) member.wake();
        if (this.#converged()) return;
      } else {
        this.#workload.proposeSome();
        this.#servingLeader()?.read();
      }
    }
    throw new Violation('the group finds together after healing', this.#describe());
  }

  /** Every acknowledged command is where it was acknowledged, on every member. */
  durabilityScan(): void {
    this.#oracle.checkAcknowledged();
    this.#sessions?.checkHistory();
    this.stats['operations'] = this.#sessions?.history.length ?? 0;
  }

  /** A minority that stays dead for a while, where the voters are those of the start. */
  #putToSleep(): SimMember[] {
    const { swarm } = this.#world;
    const { operations, faults } = swarm;
    if (operations.includes('membership') || !this.#chance.chance(0.4)) return [];
    // With an odd member that has a longer log nobody can lead: it may not, and others lack entries.
    if (faults.includes('oddState')) return [];
    const founders = [...this.#members.values()].slice(0, swarm.members);
    const lost = founders.filter(({ damageDone }) => damageDone).length;
    const spare = Math.floor((swarm.members - 1) / 2) - lost;
    const asleep: SimMember[] = [];
    while (asleep.length < spare) {
      const member = this.#chance.pick(founders);
      if (member.damageDone || asleep.includes(member)) continue;
      if (!member.sleep()) break;
      asleep.push(member);
    }
    if (asleep.length > 0) this.stats['bareMajorities'] = 1;
    return asleep;
  }

  #converged(): boolean {
    const leader = this.#servingLeader();
    if (leader === null) return false;
    const { membership, commitIndex, lastIndex } = leader.machine.status();
    if (!membership.voters.includes(leader.id)) return false;
    if (membership.outgoing.length > 0 || commitIndex !== lastIndex) return false;
    const allAreThere = membership.members.every(({ id }) => {
      const member = this.#members.get(id);
      return member?.running === true && !member.emptied;
    });
    return membership.members.every(({ id }) => {
      const member = this.#members.get(id);
      if (member === undefined || member.damaged || member.emptied) return member !== undefined;
      return (
        member.applied.index === commitIndex && member.integrity?.isSettled(allAreThere) !== false
      );
    });
  }

  #servingLeader(): SimMember | null {
    let newest: SimMember | null = null;
    for (const member of this.#members.values()) {
      if (member.serving && (newest === null || member.term > newest.term)) newest = member;
    }
    return newest;
  }

  #start(id: MemberId, bootstrap: Membership, speaks: number = PROTOCOL_MAX): void {
    this.#members.set(id, new SimMember(id, bootstrap, this.#nextSeed(), this.#world, speaks));
  }

  #join(): MemberId {
    this.#joined += 1;
    const id = this.#members.size + 1;
    this.#start(id, { members: [], voters: [], outgoing: [], learners: [] });
    return id;
  }

  #afterStep(): void {
    this.#steps += 1;
    this.stats['steps'] = this.#steps;
    this.stats['simulatedMs'] = this.#scheduler.nowMs;
    if (this.#steps > STEPS_MAX) throw new Violation('no storm of messages', this.#describe());
  }

  #describe(): Record<string, unknown> {
    return {
      members: [...this.#members.values()].map((member) => ({
        ...member.machine.status(),
        running: member.running,
        membership: undefined,
        voters: member.machine.status().membership.voters,
        outgoing: member.machine.status().membership.outgoing,
      })),
    };
  }
}
