import { type CommandResult, packCommand, packEnvelope } from '#libs/event-store';
import { seededPrng } from '#libs/kernel';
import type { HardState, MemberId, PersistBatch } from '#libs/raft';
import type { Operation } from '../linearizability/index.ts';
import { foundingMembership } from './founders.ts';
import { Network } from './network.ts';
import { Oracle } from './oracle.ts';
import { Scheduler } from './scheduler.ts';
import { SessionOracle } from './session-oracle.ts';
import { shrunkSwarm } from './shrink.ts';
import { SimMember } from './sim-member.ts';
import { FIRST_SESSION_SERIAL, STORE_PORTS } from './sim-registers.ts';
import type { Surroundings } from './surroundings.ts';
import { type Swarm, swarmOf } from './swarm.ts';
import { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { Wire } from './wire.ts';

const MEMBERS = 3;
const FOUNDERS = foundingMembership(MEMBERS);
const NS_PER_MS = 1_000_000;
/** Longer than any step of a schedule takes. */
const STEP_MS_MAX = 60_000;
const TOKEN = 'writer';

/** Three members in a world without faults but those that a schedule orders, and one client. */
export class QuietWorld {
  readonly network: Network;
  readonly sessions = new SessionOracle();
  readonly #scheduler = new Scheduler();
  readonly #members = new Map<MemberId, SimMember>();
  readonly #world: Surroundings;
  readonly #nextSeed: () => number;
  readonly #movedTo = new Map<MemberId, MemberId>();
  #serial = FIRST_SESSION_SERIAL;
  #sequence = 0;
  #session: number | null = null;

  constructor(seed: number) {
    const swarm: Swarm = {
      ...shrunkSwarm(swarmOf(seed), { calmNetwork: true }),
      ...{ members: MEMBERS, joiners: 0, sessions: true, codec: false, disk: 'plain' },
      ...{ integrity: false, snapshotEveryEntries: 1_000_000 },
      ...{ delayMs: 1, writeMs: 2, slowWriteChance: 0, turnMs: 0.5 },
    };
    const scheduler = this.#scheduler;
    const source = seededPrng(seed);
    const wire = new Wire(seededPrng(source.next()), swarm, () => undefined);
    this.network = new Network(scheduler, seededPrng(source.next()), swarm, wire, (packet) =>
      this.#at(packet.message.to)?.receive(packet),
    );
    const memberOf = (id: MemberId): SimMember | undefined => this.#members.get(id);
    const { network, sessions } = this;
    const shared = { trace: new Trace(false), stats: {} };
    this.#world = {
      ...shared,
      oracle: new Oracle(),
      scheduler,
      network,
      sessions,
      swarm,
      memberOf,
      ended: () => undefined,
    };
    this.#nextSeed = () => source.next();
    for (const id of FOUNDERS.voters) {
      this.#members.set(id, new SimMember(id, FOUNDERS, source.next(), this.#world));
    }
  }

  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  /**
   * Another seat for what is on the disk of `member`, at its address, in a history of its own. Messages to
   * the former seat arrive there, as they do at a process that was started on the same address.
   */
  inSeatOf(
    member: SimMember,
    id: MemberId,
    { hardState, entries }: Pick<PersistBatch, 'entries'> & { readonly hardState: HardState },
  ): SimMember {
    const apart = { oracle: new Oracle(), sessions: new SessionOracle() };
    const seated = new SimMember(id, FOUNDERS, this.#nextSeed(), { ...this.#world, ...apart });
    seated.crash();
    const batch = { seq: 0, hardState, truncateFrom: null, entries, snapshot: null };
    seated.media.write(batch, null);
    this.#members.set(id, seated);
    this.#movedTo.set(member.id, id);
    seated.restart();
    return seated;
  }

  get history(): readonly Operation[] {
    return this.sessions.history;
  }

  get members(): readonly SimMember[] {
    return [...this.#members.values()];
  }

  /** Whoever serves, among those that are not `except`. */
  leader(except: SimMember | null = null): SimMember | null {
    return this.members.find((member) => member !== except && member.serving) ?? null;
  }

  /** Lets time pass until `look` finds something. @throws Violation when it never does */
  async until<T>(what: string, look: () => T | null): Promise<T> {
    const endMs = this.#scheduler.nowMs + STEP_MS_MAX;
    for (;;) {
      const found = look();
      if (found !== null) return found;
      if (!this.#scheduler.runNext(endMs)) throw new Violation('a schedule goes on', { what });
      await this.#scheduler.settle();
    }
  }

  /** Acknowledged when it resolves. */
  async write(to: SimMember, key: string, value: string): Promise<void> {
    this.#session ??= await this.#open(to);
    this.#sequence += 1;
    const bytes = new TextEncoder().encode(value);
    const command = { type: 'put', key, value: bytes, expectedRevision: null } as const;
    const body = packCommand(STORE_PORTS, command);
    const [session, sequence] = [this.#session, this.#sequence];
    const parts = { from: 'session', session, sequence, answeredTo: sequence - 1, body } as const;
    const callNs = this.#nowNs();
    await this.#propose(to, packEnvelope(STORE_PORTS, parts));
    const times = { callNs, returnNs: this.#nowNs() };
    const input = { type: 'put', value } as const;
    this.sessions.history.push({
      ...{ process: TOKEN, key, input, output: { type: 'written' }, ...times },
    });
    // What begins at this very moment would count as concurrent.
    const endMs = this.nowMs;
    await this.until('time passes', () => (this.nowMs > endMs ? true : null));
  }

  /** Asks now, also a member that is paused; the result tells whether it has answered. */
  read(from: SimMember, key: string): { answered: boolean } {
    const asked = { answered: false };
    const callNs = this.#nowNs();
    const answer = (value: string | null): void => {
      asked.answered = true;
      const times = { callNs, returnNs: this.#nowNs() };
      const output = { type: 'read', value } as const;
      this.sessions.history.push({
        ...{ process: 'reader', key, input: { type: 'read' }, output, ...times },
      });
    };
    from.operate((machine) => from.applied.registers?.read(machine, key, answer));
    return asked;
  }

  #at(seat: MemberId): SimMember | undefined {
    return this.#members.get(this.#movedTo.get(seat) ?? seat);
  }

  async #open(at: SimMember): Promise<number> {
    const result = await this.#propose(
      at,
      packEnvelope(STORE_PORTS, { from: 'opening', token: TOKEN }),
    );
    if (result.type !== 'opened') throw new Violation('a session is opened', { ...result });
    return result.session;
  }

  async #propose(to: SimMember, envelope: Uint8Array): Promise<CommandResult> {
    this.#serial += 1;
    const serial = this.#serial;
    let result: CommandResult | null = null;
    to.operate((machine) =>
      to.applied.registers?.propose(machine, serial, envelope, (found) => {
        result = found;
      }),
    );
    return await this.until('a command is answered', () => result);
  }

  #nowNs(): number {
    return Math.round(this.#scheduler.nowMs * NS_PER_MS);
  }
}
