import { type Prng, seededPrng } from '#libs/kernel';
import {
  createRaft,
  type LogEntry,
  type LogIndex,
  type MemberId,
  type Membership,
  type Message,
  type Output,
  type PersistBatch,
  type RaftMachine,
  type SnapshotMeta,
  type Term,
  type WriteSeq,
} from '#libs/raft';
import { entryHash, serialOf } from './hashes.ts';
import type { Network, Packet } from './network.ts';
import type { Oracle, Witness } from './oracle.ts';
import { Violation } from './oracle.ts';
import { recover } from './recovery.ts';
import type { Scheduler } from './scheduler.ts';
import { HashedLog, type SnapshotBody, StableMedia } from './sim-disk.ts';
import { type Swarm, TICK_MS } from './swarm.ts';
import type { Trace } from './trace.ts';

/** What members share: the world around them. */
export type Surroundings = {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly oracle: Oracle;
  readonly trace: Trace;
  readonly swarm: Swarm;
  readonly memberOf: (id: MemberId) => SimMember | undefined;
  readonly stats: Record<string, number>;
};

type Write = {
  readonly batch: PersistBatch | null;
  readonly body: SnapshotBody | null;
  readonly messages: readonly Message[];
  startedMs: number;
};
type PendingRead = { readonly floorIndex: LogIndex; readonly newestServingTerm: Term };

/** The host of one machine: it carries out effects in the order that the contract demands. */
export class SimMember implements Witness {
  readonly media: StableMedia;
  readonly #prng: Prng;
  machine: RaftMachine;
  /** The log as it was handed out for writing: the machine's memory, as far as others can see it. */
  mirror: HashedLog;
  running = true;
  paused = false;
  stalled = false;
  serving = false;
  term: Term = 0;
  isLeader = false;
  appliedIndex: LogIndex = 0;
  #appliedDigest = 0;
  #appliedMembership: Membership;
  #appliedTerm: Term = 0;
  #incarnation = 0;
  #writes: Write[] = [];
  #writing = false;
  #commitIndex: LogIndex = 0;
  #observedMembership: Membership;
  #turnPlanned = false;
  #deferred: (() => void)[] = [];
  #applyQueue: LogEntry[] = [];
  #bodyWaiting: SnapshotBody | null = null;
  #snapshotRunning = false;
  readonly #proposed = new Map<LogIndex, { readonly term: Term; readonly serial: number }>();
  readonly #reads = new Map<number, PendingRead[]>();

  constructor(
    readonly id: MemberId,
    bootstrap: Membership,
    seed: number,
    private readonly world: Surroundings,
  ) {
    this.#prng = seededPrng(seed);
    this.media = new StableMedia(bootstrap);
    this.#appliedMembership = bootstrap;
    this.#observedMembership = bootstrap;
    this.mirror = new HashedLog(0, 0, 0);
    this.machine = this.#boot();
    this.#planTick();
  }

  // --- inputs -------------------------------------------------------------

  receive(packet: Packet): void {
    this.#input(() => {
      const { message, body } = packet;
      this.machine.step(message);
      if (message.type === 'snapshotChunk' && body !== null) this.#receiveSnapshot(message, body);
      if (message.type === 'snapshotAck') {
        const outcome = message.outcome === 'installed' ? 'installed' : 'failed';
        this.machine.onSnapshotSent(message.from, outcome, message.index);
      }
    });
  }

  propose(payloads: readonly Uint8Array[]): void {
    this.#input(() => {
      const result = this.machine.propose(payloads);
      if (!result.accepted) return;
      for (const [offset, payload] of payloads.entries()) {
        const claim = { term: result.term, serial: serialOf(payload) };
        this.#proposed.set(result.firstIndex + offset, claim);
      }
    });
  }

  /** A read begins now: it must see everything that was acknowledged before. */
  read(): void {
    this.#input(() => {
      const result = this.machine.confirmRound();
      if (!result.accepted) return;
      const { newestAcknowledgedIndex: floorIndex, newestServingTerm } = this.world.oracle;
      const waiting = this.#reads.get(result.round) ?? [];
      waiting.push({ floorIndex, newestServingTerm });
      this.#reads.set(result.round, waiting);
    });
  }

  operate(run: (machine: RaftMachine) => void): void {
    this.#input(() => run(this.machine));
  }

  // --- faults -------------------------------------------------------------

  /** What was not synced is gone; of the writes under way, a first part may have reached the disk. */
  crash(): void {
    if (!this.running) return;
    this.running = false;
    this.paused = false;
    this.stalled = false;
    this.#incarnation += 1;
    let survivors = this.#prng.range(0, this.#writes.length);
    for (const write of this.#writes) {
      if (survivors <= 0) break;
      survivors -= 1;
      if (write.batch !== null) this.media.write(write.batch, write.body);
    }
    this.#writes = [];
    this.#writing = false;
    this.#deferred = [];
    this.#applyQueue = [];
    this.#reads.clear();
    this.#proposed.clear();
    this.serving = false;
    this.isLeader = false;
    this.#trace('crash');
  }

  restart(): void {
    if (this.running) return;
    this.running = true;
    this.machine = this.#boot();
    this.#trace('restart');
    this.#planTick();
    this.#planTurn();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    for (const input of this.#deferred.splice(0)) {
      if (this.running) input();
    }
    this.#planTurn();
  }

  unstall(): void {
    this.stalled = false;
    this.#pumpDisk();
  }

  // --- turns --------------------------------------------------------------

  #boot(): RaftMachine {
    const found = recover(this.media);
    this.mirror = found.mirror;
    this.appliedIndex = found.initial.appliedIndex;
    this.#appliedDigest = this.media.applied.digest;
    this.#appliedMembership = found.initial.membership;
    this.#appliedTerm = found.appliedTerm;
    this.#commitIndex = this.appliedIndex;
    this.#turnPlanned = false;
    this.#snapshotRunning = false;
    this.#bodyWaiting = null;
    this.#observedMembership = found.initial.membership;
    const config = { ...this.world.swarm.limits, self: this.id };
    return createRaft(config, found.initial, seededPrng(this.#prng.next()));
  }

  #input(run: () => void): void {
    if (!this.running) return;
    if (this.paused) {
      if (this.#deferred.length < 2_000) this.#deferred.push(run);
      return;
    }
    run();
    this.#planTurn();
  }

  /** Inputs of one turn share an output, as in the host. */
  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    this.#later(
      this.#prng.unit() * (this.world.network.healed ? 0.1 : 1) * this.world.swarm.turnMs,
      () => {
        this.#turnPlanned = false;
        this.#turn();
      },
    );
  }

  #turn(): void {
    for (
      let output = this.machine.takeOutput();
      output !== null;
      output = this.machine.takeOutput()
    ) {
      this.#carryOut(output);
    }
    this.#observe();
  }

  #planTick(): void {
    const { clockErrorPercent } = this.world.swarm;
    const rate = 1 + ((this.#prng.unit() * 2 - 1) * clockErrorPercent) / 100;
    const periodMs = TICK_MS * rate;
    const next = (): void => {
      if (!this.paused) {
        this.machine.tick();
        this.#reportStall();
        this.#planTurn();
      }
      this.#whileAlive(periodMs, next);
    };
    this.#whileAlive(this.#prng.unit() * periodMs, next);
  }

  #reportStall(): void {
    const [oldest] = this.#writes;
    const stallMs = oldest === undefined ? 0 : this.world.scheduler.nowMs - oldest.startedMs;
    const electionTimeoutMs = this.world.swarm.limits.electionTicks * TICK_MS;
    this.machine.onWriteStall(Math.floor(stallMs), electionTimeoutMs);
  }

  // --- effects ------------------------------------------------------------

  #carryOut(output: Output): void {
    for (const message of output.sendNow) this.#send(message);
    this.#persist(output);
    if (output.role !== null) {
      const { role, term, serving } = output.role;
      this.isLeader = role === 'leader';
      this.serving = serving;
      this.term = term;
      this.#trace('role', term, output.role.leader, serving ? 1 : 0, role.length);
      if (this.isLeader) this.world.oracle.leaderElected(term, this.id, this.mirror);
      if (serving) this.world.oracle.serving(term);
    }
    if (output.apply.length > 0) this.#planApply(output.apply);
    for (const { round, outcome, readIndex } of output.rounds) {
      if (outcome === 'confirmed') this.#confirmed(round, readIndex);
      this.#reads.delete(round);
    }
    for (const { to, fromIndex, maxBytes } of output.fetch) {
      this.#later(this.#prng.unit() * 3, () => {
        this.#input(() => this.machine.onFetched(to, fromIndex, this.#stored(fromIndex, maxBytes)));
      });
    }
    for (const to of output.snapshotsWanted) this.#sendSnapshot(to);
  }

  #persist(output: Output): void {
    const { persist, afterPersist } = output;
    if (persist !== null) {
      this.#mirror(persist);
      const body = persist.snapshot === null ? null : this.#bodyWaiting;
      this.#enqueue({ batch: persist, body, messages: afterPersist, startedMs: 0 });
    } else if (afterPersist.length > 0) {
      this.#enqueue({ batch: null, body: null, messages: afterPersist, startedMs: 0 });
    }
  }

  #mirror(batch: PersistBatch): void {
    const { oracle } = this.world;
    if (batch.snapshot !== null && this.#bodyWaiting !== null) {
      this.mirror.reset(batch.snapshot.index, batch.snapshot.term, this.#bodyWaiting.digest);
    }
    if (batch.truncateFrom !== null) this.mirror.truncateFrom(batch.truncateFrom);
    for (const entry of batch.entries) {
      if (entry.kind === 'membership' && this.#knowsMembership()) {
        const snapshot = batch.snapshot ?? this.media.snapshot.meta;
        oracle.membershipAppended(entry, this.mirror.membershipAt(entry.index, snapshot));
      }
      oracle.appended(entry, this.mirror.append(entry), this.id);
    }
  }

  #knowsMembership(): boolean {
    return (
      this.#appliedMembership.voters.length > 0 &&
      this.mirror.firstIndex <= this.media.snapshot.meta.index + 1
    );
  }

  #enqueue(write: Write): void {
    write.startedMs = this.world.scheduler.nowMs;
    this.#writes.push(write);
    this.#pumpDisk();
  }

  #pumpDisk(): void {
    if (this.#writing || this.stalled) return;
    for (let write = this.#writes[0]; write !== undefined; write = this.#writes[0]) {
      if (write.batch !== null) {
        this.#beginWrite(write);
        return;
      }
      this.#written(write);
    }
  }

  #beginWrite(write: Write): void {
    this.#writing = true;
    const { writeMs, slowWriteChance } = this.world.swarm;
    const slow = this.#prng.chance(slowWriteChance) ? 40 : 1;
    const healthyMs = this.world.network.healed ? Math.min(writeMs, 1) : writeMs * slow;
    this.#later(this.#prng.unit() * healthyMs, () => {
      this.#writing = false;
      if (this.stalled) return;
      this.#written(write);
      this.#pumpDisk();
    });
  }

  #written(write: Write): void {
    const { batch } = write;
    if (batch !== null) this.media.write(batch, write.body);
    this.#writes.shift();
    this.#input(() => {
      for (const message of write.messages) this.#send(message);
      if (batch !== null) this.#persisted(batch.seq, write.body);
    });
  }

  #persisted(seq: WriteSeq, body: SnapshotBody | null): void {
    if (body !== null && body.meta.index > this.appliedIndex) {
      this.appliedIndex = body.meta.index;
      this.#appliedDigest = body.digest;
      this.#appliedMembership = body.meta.membership;
      this.#appliedTerm = body.meta.term;
      this.#count('snapshotsInstalled');
      this.machine.onApplied(body.meta.index);
    }
    this.machine.onPersisted(seq);
  }

  #planApply(entries: readonly LogEntry[]): void {
    this.#applyQueue.push(...entries);
    const apply = (): void => {
      for (const entry of this.#applyQueue.splice(0)) this.#apply(entry);
      this.machine.onApplied(this.appliedIndex);
      this.#maybeSnapshot();
    };
    if (this.#prng.chance(0.5)) apply();
    else this.#later(this.#prng.unit() * 2, () => this.#input(apply));
  }

  #apply(entry: LogEntry): void {
    if (entry.index <= this.appliedIndex) return;
    if (entry.index !== this.appliedIndex + 1) {
      throw new Violation('entries are applied in order', { id: this.id, index: entry.index });
    }
    this.appliedIndex = entry.index;
    this.#appliedTerm = entry.term;
    this.#appliedDigest = entryHash(this.#appliedDigest, entry);
    if (entry.kind === 'membership') this.#appliedMembership = entry.membership;
    const claim = this.#proposed.get(entry.index);
    this.world.oracle.committed(this, Math.max(entry.index, this.#commitIndex));
    this.world.oracle.applied(entry.index, this.#appliedDigest, this.id);
    if (claim === undefined) return;
    this.#proposed.delete(entry.index);
    if (claim.term !== entry.term) return;
    this.#count('acknowledged');
    this.world.oracle.acknowledged(claim.serial, entry.index);
  }

  #confirmed(round: number, readIndex: LogIndex): void {
    for (const read of this.#reads.get(round) ?? []) {
      this.#count('reads');
      if (readIndex < read.floorIndex) {
        throw new Violation('a read is not stale', { id: this.id, readIndex, ...read });
      }
      if (read.newestServingTerm > this.term) {
        throw new Violation('a round of an old leader fails', {
          id: this.id,
          term: this.term,
          ...read,
        });
      }
    }
  }

  #send(message: Message): void {
    const { oracle, memberOf, network } = this.world;
    const leaderId = oracle.leaderOf(message.term);
    const leader = leaderId === undefined ? undefined : memberOf(leaderId);
    const current = leader?.isLeader === true && leader.term === message.term;
    oracle.promised(message, this, current ? leader.mirror : null);
    this.#trace(message.type, message.to, message.term);
    network.send({ message, body: null });
  }

  /** Looks at the machine as the oracle does, after each turn. */
  #observe(): void {
    const { commitIndex, membership, role } = this.machine.status();
    // A commit may have been counted before this turn's last input changed the membership.
    const memberships = [membership, this.#observedMembership];
    this.#observedMembership = membership;
    if (commitIndex <= this.#commitIndex) return;
    this.#commitIndex = commitIndex;
    const { oracle, memberOf } = this.world;
    if (role === 'leader') {
      oracle.committedOnQuorum(this, commitIndex, memberships, (id) => memberOf(id)?.media);
    }
    oracle.committed(this, commitIndex);
    this.#trace('commit', commitIndex, this.mirror.hashAt(commitIndex));
  }

  // --- snapshots ----------------------------------------------------------

  #maybeSnapshot(): void {
    const { snapshotEveryEntries, trailingEntries } = this.world.swarm;
    if (this.#snapshotRunning || this.#appliedMembership.voters.length === 0) return;
    if (this.appliedIndex - this.media.snapshot.meta.index < snapshotEveryEntries) return;
    this.#snapshotRunning = true;
    const body: SnapshotBody = {
      meta: {
        index: this.appliedIndex,
        term: this.#appliedTerm,
        membership: this.#appliedMembership,
      },
      digest: this.#appliedDigest,
    };
    this.#later(this.#prng.unit() * 20, () => {
      this.#snapshotRunning = false;
      this.#input(() => this.#sealSnapshot(body, trailingEntries));
    });
  }

  #sealSnapshot(body: SnapshotBody, trailingEntries: number): void {
    if (body.meta.index <= this.media.snapshot.meta.index) return;
    if (!this.media.log.covers(body.meta.index)) return;
    this.media.snapshot = body;
    this.media.applied = { index: body.meta.index, digest: body.digest };
    const upTo = body.meta.index - trailingEntries;
    this.media.log.compactTo(upTo);
    if (this.mirror.covers(upTo)) this.mirror.compactTo(upTo);
    this.machine.compactTo(upTo);
    this.#count('snapshotsTaken');
  }

  #sendSnapshot(to: MemberId): void {
    const body = this.media.snapshot;
    const { meta } = body;
    if (meta.index > 0) {
      const message: Message = {
        type: 'snapshotChunk',
        from: this.id,
        to,
        term: this.term,
        index: meta.index,
        snapshotTerm: meta.term,
        membership: null,
        offset: 0,
        bytes: new Uint8Array(0),
        last: true,
        sha256: null,
      };
      this.#trace('snapshotChunk', to, meta.index);
      this.world.network.send({ message, body });
    }
    this.#later(600, () => {
      this.#input(() => this.machine.onSnapshotSent(to, 'failed', meta.index));
    });
  }

  #receiveSnapshot(chunk: Message & { type: 'snapshotChunk' }, body: SnapshotBody): void {
    const meta: SnapshotMeta = body.meta;
    if (this.machine.onSnapshotReceived(meta, chunk.from, chunk.term)) {
      this.#bodyWaiting = body;
      this.#turn();
    }
    this.#send({
      type: 'snapshotAck',
      from: this.id,
      to: chunk.from,
      term: this.machine.status().term,
      index: meta.index,
      storedBytes: 0,
      outcome: 'installed',
    });
  }

  #stored(fromIndex: LogIndex, maxBytes: number): readonly LogEntry[] {
    const { log } = this.media;
    if (!log.covers(fromIndex) || fromIndex < log.firstIndex) return [];
    const count = Math.max(1, Math.floor(maxBytes / 60));
    const at = fromIndex - log.firstIndex;
    this.#count('fetches');
    return log.entries.slice(at, at + count);
  }

  // --- time ---------------------------------------------------------------

  #later(delayMs: number, run: () => void): void {
    const incarnation = this.#incarnation;
    this.world.scheduler.after(delayMs, () => {
      if (!this.running || this.#incarnation !== incarnation) return;
      if (this.paused) this.#deferred.push(run);
      else run();
    });
  }

  #whileAlive(delayMs: number, run: () => void): void {
    const incarnation = this.#incarnation;
    this.world.scheduler.after(delayMs, () => {
      if (this.running && this.#incarnation === incarnation) run();
    });
  }

  #trace(what: string, ...values: readonly number[]): void {
    this.world.trace.add(this.world.scheduler.nowMs, what, this.id, ...values);
  }

  #count(what: string): void {
    this.world.stats[what] = (this.world.stats[what] ?? 0) + 1;
  }
}
