import { type Prng, seededPrng } from '#libs/kernel';
import {
  createRaft,
  type FetchRequest,
  type LogEntry,
  type LogIndex,
  type MemberId,
  type Membership,
  type Message,
  type Output,
  type PersistBatch,
  type RaftMachine,
  type RoundOutcome,
  type Term,
  type WriteSeq,
} from '#libs/raft';
import { type Condition, soundMember } from './condition.ts';
import { heard } from './directories.ts';
import { mirrorBatch } from './mirror-batch.ts';
import type { Outgoing, Packet } from './network.ts';
import type { Witness } from './oracle.ts';
import { type Recovered, recover } from './recovery.ts';
import { sendFrom } from './send-from.ts';
import { SimApplied } from './sim-applied.ts';
import { SimApplier } from './sim-applier.ts';
import { SimClients } from './sim-clients.ts';
import { HashedLog, type SnapshotBody, StableMedia } from './sim-disk.ts';
import { integrityOf, type SimIntegrity } from './sim-integrity.ts';
import { planTicks, SimLife } from './sim-life.ts';
import { SimObserver } from './sim-observer.ts';
import { registersOf } from './sim-registers.ts';
import { SimSnapshots } from './sim-snapshots.ts';
import { SimStore } from './sim-store.ts';
import { SimWatch } from './sim-watch.ts';
import { SimWriter } from './sim-writer.ts';
import type { Surroundings } from './surroundings.ts';
import { TICK_MS } from './swarm.ts';

/** The host of one machine: it carries out effects in the order that the contract demands. */
export class SimMember implements Witness {
  readonly media: StableMedia;
  readonly writer: SimWriter;
  /** Null: the plain media are the disk. */
  readonly #store: SimStore | null;
  machine: RaftMachine;
  /** The log as it was handed out for writing: the machine's memory, as far as others can see it. */
  mirror = new HashedLog(0, 0, 0);
  /** Its disk lost what it had acknowledged: it never takes part again. */
  damaged = false;
  damageDone = false;
  /** It runs on an empty disk, under its id, and nobody may listen to it. */
  emptied = false;
  #opening = false;
  #asleep = false;
  serving = false;
  readonly condition: Condition;
  integrity: SimIntegrity | null = null;
  term: Term = 0;
  isLeader = false;
  applied: SimApplied;
  readonly #prng: Prng;
  readonly #clients: SimClients;
  #snapshots: SimSnapshots;
  watch: SimWatch;
  /** The last term this member led: rounds that are answered belong to it. */
  #leaderTerm: Term = 0;
  #observer: SimObserver;
  #turnPlanned = false;
  readonly #life: SimLife;
  readonly #applier: SimApplier;
  constructor(
    readonly id: MemberId,
    bootstrap: Membership,
    seed: number,
    private readonly world: Surroundings,
    speaks?: number,
  ) {
    this.condition = soundMember(speaks);
    this.#prng = seededPrng(seed);
    this.#life = new SimLife(world.scheduler);
    this.media = new StableMedia(bootstrap);
    this.#clients = new SimClients(id, world.oracle, (what) => this.#count(what));
    this.#applier = this.#newApplier();
    this.#store = world.swarm.disk === 'store' ? this.#newStore(bootstrap) : null;
    this.writer = new SimWriter(
      this.media,
      this.#prng,
      world.swarm,
      {
        ...{ nowMs: () => world.scheduler.nowMs, healed: () => world.network.healed },
        later: (delayMs, run) => this.#life.later(delayMs, run),
        input: (run) => this.#input(run),
        sendAll: (messages) => this.#sendAll(messages),
        persisted: (seq, body) => this.#persisted(seq, body),
      },
      this.#store,
    );
    this.applied = new SimApplied(0, 0, 0, bootstrap, null);
    this.#observer = this.#newObserver(0, bootstrap);
    this.#snapshots = this.#newSnapshots();
    this.watch = new SimWatch(id, world.swarm.limits.electionTicks);
    this.machine = this.#boot(recover(this.media));
    this.#planTick();
  }

  receive(packet: Packet): void {
    if (!heard(packet, this.world)) return;
    const { message, body } = packet;
    this.#input(() => {
      this.watch.step(this.machine, message);
      if (message.type === 'snapshotChunk' && body !== null) {
        this.#snapshots.receive(message, body, () => this.#turn());
      }
      if (message.type === 'snapshotAck') this.#snapshots.answered(message);
    });
  }

  propose(payloads: readonly Uint8Array[]): void {
    this.#input(() => this.#clients.propose(this.machine, payloads));
  }
  read(): void {
    this.#input(() => this.#clients.read(this.machine));
  }

  get running(): boolean {
    return this.#life.running;
  }
  operate(run: (machine: RaftMachine) => void): void {
    this.#input(() => run(this.machine));
  }

  /** A clock that jumps ahead: it asks for votes earlier than anyone expects. */
  hurry(ticks: number): void {
    this.#input(() => {
      for (let tick = 0; tick < ticks; tick += 1) this.#tick();
    });
  }

  crash(): void {
    if (!this.running) return;
    this.#life.end();
    this.writer.crash();
    this.#clients.crash();
    this.#applier.crash();
    this.serving = false;
    this.isLeader = false;
    this.#trace('crash');
    this.world.ended(this.id);
  }

  /** It dies and stays dead until `wake`; false when it is just coming back. */
  sleep(): boolean {
    if (this.#opening) return false;
    this.crash();
    this.#asleep = true;
    return true;
  }

  wake(): void {
    this.#asleep = false;
    this.restart();
  }

  restart(): void {
    if (this.running || this.damaged || this.#opening || this.#asleep) return;
    if (this.#store === null) this.#start(recover(this.media));
    else {
      this.#opening = true;
      this.#store.reopen((found) => {
        this.#opening = false;
        this.damaged = found === null;
        if (found !== null) this.#start({ ...recover(this.media), initial: found });
      });
    }
  }

  /** Nothing happens to a member that is down, or whose disk are the plain media. */
  onDisk(run: (store: SimStore) => void): void {
    if (this.running && this.#store !== null) run(this.#store);
  }
  replaceDisk(bootstrap: Membership): boolean {
    if (this.#opening) return false;
    [this.damageDone, this.emptied] = [true, true];
    this.crash();
    this.world.scheduler.after(0, () => {
      this.media.reset(bootstrap);
      this.#store?.replaceDisk();
    });
    return true;
  }

  damage(): void {
    this.damageDone = true;
    this.#store?.planDamage();
    this.crash();
  }
  #start(recovered: Recovered): void {
    this.#life.running = true;
    this.machine = this.#boot(recovered);
    this.#trace('restart');
    this.#planTick();
    this.#planTurn();
  }

  pause(): void {
    this.#life.paused = true;
  }
  resume(): void {
    if (!this.#life.paused) return;
    this.#life.goOn();
    this.#planTurn();
  }

  stall(): void {
    this.writer.stalled = true;
  }
  unstall(): void {
    this.writer.unstall();
  }
  #newStore(bootstrap: Membership): SimStore {
    const { scheduler } = this.world;
    return new SimStore(this.id, this.media, bootstrap, {
      ...{ scheduler, prng: this.#prng },
      ...{ latencyMs: () => this.writer.latencyMs(), stalled: () => this.writer.stalled },
      later: (run) => this.#life.later(0, run),
      failed: () => {
        this.#count('failedWrites');
        this.crash();
        scheduler.after(this.#prng.unit() * 1_000, () => this.restart());
      },
      count: (what) => this.#count(what),
    });
  }

  #boot({ initial, mirror, appliedTerm }: Recovered): RaftMachine {
    const { membership, appliedIndex } = initial;
    this.mirror = mirror;
    const stored = this.media.applied;
    const registers = registersOf(this.world.sessions, stored);
    this.applied = new SimApplied(appliedIndex, appliedTerm, stored.digest, membership, registers);
    this.#snapshots = this.#newSnapshots();
    this.#observer = this.#newObserver(appliedIndex, membership);
    this.#turnPlanned = false;
    this.watch = new SimWatch(this.id, this.world.swarm.limits.electionTicks);
    const config = { ...this.world.swarm.limits, self: this.id };
    const machine = createRaft(config, initial, seededPrng(this.#prng.next()));
    if (this.condition.isolated !== null) machine.neverLead();
    this.integrity = integrityOf(this, registers, this.world);
    return machine;
  }

  #newApplier(): SimApplier {
    return new SimApplier(this, this.#prng, {
      ...{ oracle: this.world.oracle, clients: this.#clients },
      ...{ machine: () => this.machine, applied: () => this.applied },
      commitIndex: () => this.#observer.commitIndex,
      later: (delayMs, run) => this.#life.later(delayMs, run),
      input: (run) => this.#input(run),
      done: () => this.#snapshots.maybeTake(),
    });
  }

  #newObserver(commitIndex: LogIndex, membership: Membership): SimObserver {
    return new SimObserver(this.world, commitIndex, membership, (index, hash) =>
      this.#trace('commit', index, hash),
    );
  }

  #newSnapshots(): SimSnapshots {
    return new SimSnapshots(
      this.id,
      this.media,
      this.#prng,
      this.world.swarm,
      {
        ...{ machine: () => this.machine, mirror: () => this.mirror },
        ...{ applied: () => this.applied, term: () => this.term, alive: this.#life.present() },
        later: (delayMs, run) => this.#life.later(delayMs, run),
        input: (run) => this.#input(run),
        send: (packet) => this.#send(packet),
        count: (what) => this.#count(what),
      },
      this.#store,
    );
  }

  #input(run: () => void): void {
    if (!this.#life.takes(run)) return;
    run();
    this.#planTurn();
  }

  /** Inputs of one turn share an output, as in the host. */
  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    const { network, swarm } = this.world;
    const turnMs = network.healed ? swarm.turnMs / 10 : swarm.turnMs;
    this.#life.later(this.#prng.unit() * turnMs, () => {
      this.#turnPlanned = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { machine } = this;
    for (let output = machine.takeOutput(); output !== null; output = machine.takeOutput()) {
      this.#carryOut(output);
    }
    this.#observer.look(this);
    this.integrity?.afterTurn();
  }

  #planTick(): void {
    planTicks(this.#life, this.#prng, this.world.swarm.clockErrorPercent, () => {
      this.#tick();
      this.#planTurn();
    });
  }

  #tick(): void {
    this.machine.tick();
    const { stallMs } = this.writer;
    this.machine.onWriteStall(stallMs, this.world.swarm.limits.electionTicks * TICK_MS);
    this.watch.tick(this.machine.status(), Math.floor(stallMs / TICK_MS));
    this.integrity?.tick();
  }

  #carryOut(output: Output): void {
    this.#sendAll(output.sendNow);
    if (output.role?.serving === true) this.world.oracle.serving(output.role.term);
    this.#persist(output.persist, output.afterPersist);
    if (output.role !== null) {
      const { role, term, leader, serving } = output.role;
      this.isLeader = role === 'leader';
      if (this.isLeader) this.#leaderTerm = term;
      this.serving = serving;
      this.term = term;
      this.#trace('role', term, leader, serving ? 1 : 0, role.length);
      if (this.isLeader) this.#observer.elected(this, term);
    }
    if (output.apply.length > 0) this.#applier.plan(output.apply);
    for (const round of output.rounds) this.#answer(round);
    for (const wanted of output.fetch) this.#fetch(wanted);
    for (const to of output.snapshotsWanted) this.#snapshots.send(to);
  }

  #fetch({ to, fromIndex, maxBytes }: FetchRequest): void {
    const done = (entries: readonly LogEntry[]): void =>
      this.#input(() => this.machine.onFetched(to, fromIndex, entries));
    this.#count('fetches');
    const stored = (): void => done(this.media.stored(fromIndex, maxBytes));
    if (this.#store !== null) this.#store.readEntries(fromIndex, maxBytes, done);
    else this.#life.later(this.#prng.unit() * 3, stored);
  }

  #answer(round: RoundOutcome): void {
    const term = this.#leaderTerm;
    const known = this.#observer.memberships(this.machine);
    const { oracle } = this.world;
    if (round.outcome === 'confirmed') oracle.roundConfirmed(this.id, term, round.round, known);
    this.#clients.answered(round, term);
    this.applied.registers?.answered(round);
  }

  #persist(batch: PersistBatch | null, afterPersist: readonly Message[]): void {
    if (batch === null && afterPersist.length === 0) return;
    if (batch !== null) mirrorBatch(this, batch, this.#snapshots.received, this.world.oracle);
    const carriesSnapshot = batch !== null && batch.snapshot !== null;
    this.writer.submit(batch, carriesSnapshot ? this.#snapshots.received : null, afterPersist);
  }

  #persisted(seq: WriteSeq, body: SnapshotBody | null): void {
    if (body !== null && this.applied.restore(body)) {
      this.#count('snapshotsInstalled');
      this.machine.onApplied(body.meta.index);
    }
    this.machine.onPersisted(seq);
    if (body !== null) this.#snapshots.restored(body.meta.index);
  }
  #sendAll(messages: readonly Message[]): void {
    for (const message of messages) this.#send({ message, body: null });
  }

  #send(packet: Outgoing): void {
    const { type, to, term } = packet.message;
    this.#trace(type, to, term);
    this.watch.sent(this.machine, packet.message);
    sendFrom(this, packet, this.world);
  }

  #trace(what: string, ...values: readonly number[]): void {
    this.world.trace.add(this.world.scheduler.nowMs, what, this.id, ...values);
  }

  #count(what: string): void {
    this.world.stats[what] = (this.world.stats[what] ?? 0) + 1;
  }
}
