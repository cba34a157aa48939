import { type Prng, present, seededPrng } from '#libs/kernel';
import {
  createRaft,
  type InitialState,
  type MemberId,
  type Message,
  type Output,
  type RaftMachine,
  type RoundId,
} from '#libs/raft';
import type { Scheduler } from '../raft-simulator/scheduler.ts';

/** Times of a host and of a LAN; each is drawn anew for every message and write. */
export type GroupConditions = {
  readonly members: number;
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  readonly answerTicks: number;
  readonly electionTicks: number;
  readonly delayMaxMs: number;
  /** A write to the log, synced. */
  readonly writeMaxMs: number;
  /** Now and then a message or a write takes this much longer: a busy host. */
  readonly tailChance: number;
  readonly tailMaxMs: number;
  /** The others hear that a process ended; not so when its host died. */
  readonly tellsEnds: boolean;
};

export interface GroupListener {
  /** `leader` leads and serves: its own-term entry is committed and applied. */
  onServing(leader: MemberId): void;
  onRoundConfirmed(leader: MemberId, round: RoundId): void;
}

type Seat = { readonly machine: RaftMachine; alive: boolean; serving: boolean };

const CACHE_BYTES = 1_048_576;

/**
 * Production consensus machines with the least that makes them run: timers, a network that delays, a
 * disk that takes its time. Nobody restarts and nothing is lost; that is the simulator's business.
 */
export class SmallGroup {
  readonly #seats = new Map<MemberId, Seat>();
  readonly #prng: Prng;
  /** When the last message of a member will have arrived everywhere. */
  readonly #heardUntilMs = new Map<MemberId, number>();
  #applied = 0;

  constructor(
    seed: number,
    readonly conditions: GroupConditions,
    readonly scheduler: Scheduler,
    readonly listener: GroupListener,
  ) {
    this.#prng = seededPrng(seed);
    const ids = Array.from({ length: conditions.members }, (_, place) => place + 1);
    for (const id of ids) this.#seat(id, ids);
  }

  get applied(): number {
    return this.#applied;
  }

  /** A one-way trip. */
  delayMs(): number {
    const { delayMaxMs, tailChance, tailMaxMs } = this.conditions;
    const tailMs = this.#prng.chance(tailChance) ? this.#prng.unit() * tailMaxMs : 0;
    return this.#prng.unit() * delayMaxMs + tailMs;
  }

  get alive(): MemberId[] {
    return [...this.#seats].filter(([, seat]) => seat.alive).map(([id]) => id);
  }

  serves(id: MemberId): boolean {
    return this.#seats.get(id)?.serving === true;
  }

  /** Whom this member takes for the leader; 0 for nobody. */
  leaderFor(id: MemberId): MemberId | 0 {
    return this.#seats.get(id)?.machine.status().leader ?? 0;
  }

  kill(id: MemberId): void {
    const seat = present(this.#seats.get(id), 'a member of the group');
    seat.alive = false;
    seat.serving = false;
    if (!this.conditions.tellsEnds) return;
    // The end of a connection comes after what was sent on it.
    const waitMs = (this.#heardUntilMs.get(id) ?? 0) - this.scheduler.nowMs;
    for (const other of this.alive) {
      this.scheduler.after(Math.max(this.delayMs(), waitMs), () => this.#gone(other, id));
    }
  }

  #gone(at: MemberId, id: MemberId): void {
    const seat = present(this.#seats.get(at), 'a member of the group');
    seat.machine.onGone(id);
    this.#turn(at, seat);
  }

  confirmRound(id: MemberId): RoundId | null {
    const seat = this.#seats.get(id);
    if (seat?.alive !== true) return null;
    const result = seat.machine.confirmRound();
    this.#turn(id, seat);
    return result.accepted ? result.round : null;
  }

  #seat(id: MemberId, ids: readonly MemberId[]): void {
    const { heartbeatTicks, answerTicks, electionTicks, tickMs } = this.conditions;
    const limits = { maxAppendBytes: CACHE_BYTES, maxInflightAppends: 16 };
    const bytes = { maxInflightBytes: CACHE_BYTES, maxUncommittedBytes: CACHE_BYTES };
    const config = { self: id, heartbeatTicks, answerTicks, electionTicks, ...limits, ...bytes };
    const machine = createRaft(
      { ...config, cacheBytes: CACHE_BYTES },
      emptyLog(ids),
      seededPrng(this.#prng.next()),
    );
    const seat = { machine, alive: true, serving: false };
    this.#seats.set(id, seat);
    const tick = (): void => {
      if (!seat.alive) return;
      machine.tick();
      this.#turn(id, seat);
      this.scheduler.after(tickMs, tick);
    };
    this.scheduler.after(this.#prng.unit() * tickMs, tick);
  }

  #turn(id: MemberId, seat: Seat): void {
    const { machine } = seat;
    for (let output = machine.takeOutput(); output !== null; output = machine.takeOutput()) {
      this.#carryOut(id, seat, output);
    }
  }

  #carryOut(id: MemberId, seat: Seat, output: Output): void {
    for (const message of output.sendNow) this.#send(message);
    const { persist, afterPersist } = output;
    if (persist !== null || afterPersist.length > 0) {
      this.#later(seat, this.#writeMs(), () => {
        for (const message of afterPersist) this.#send(message);
        if (persist !== null) seat.machine.onPersisted(persist.seq);
        this.#turn(id, seat);
      });
    }
    const last = output.apply.at(-1);
    if (last !== undefined) {
      this.#later(seat, 0, () => {
        seat.machine.onApplied(last.index);
        this.#applied += output.apply.length;
        this.#turn(id, seat);
      });
    }
    for (const { round, outcome } of output.rounds) {
      if (outcome === 'confirmed') this.listener.onRoundConfirmed(id, round);
    }
    if (output.role === null) return;
    const began = output.role.serving && !seat.serving;
    seat.serving = output.role.serving;
    if (began) this.listener.onServing(id);
  }

  #send(message: Message): void {
    const delayMs = this.delayMs();
    const arrivesMs = this.scheduler.nowMs + delayMs;
    const lastMs = this.#heardUntilMs.get(message.from) ?? 0;
    this.#heardUntilMs.set(message.from, Math.max(lastMs, arrivesMs));
    this.scheduler.after(delayMs, () => {
      const seat = this.#seats.get(message.to);
      if (seat?.alive !== true) return;
      seat.machine.step(message);
      this.#turn(message.to, seat);
    });
  }

  #later(seat: Seat, delayMs: number, run: () => void): void {
    this.scheduler.after(delayMs, () => {
      if (seat.alive) run();
    });
  }

  #writeMs(): number {
    const { writeMaxMs, tailChance, tailMaxMs } = this.conditions;
    const tailMs = this.#prng.chance(tailChance) ? this.#prng.unit() * tailMaxMs : 0;
    return this.#prng.unit() * writeMaxMs + tailMs;
  }
}

function emptyLog(voters: readonly MemberId[]): InitialState {
  const members = voters.map((id) => ({ id, name: `c${id}`, address: `c${id}:7400` }));
  const membership = { members, voters, outgoing: [], learners: [] };
  return {
    hardState: { term: 0, vote: 0 },
    snapshot: { index: 0, term: 0, membership },
    membership,
    membershipIndex: 0,
    firstIndex: 1,
    lastIndex: 0,
    termRuns: [],
    appliedIndex: 0,
    tail: [],
  };
}
