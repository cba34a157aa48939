import type { Prng } from '#libs/kernel';
import {
  createRaft,
  type FetchRequest,
  type InitialState,
  type LogEntry,
  type LogIndex,
  type MemberId,
  type Membership,
  type Message,
  type PersistBatch,
  type RaftConfig,
  type RaftMachine,
  type SnapshotMeta,
} from '#libs/raft';
import { batchText, entriesText, membershipText, messageText, roundText } from './raft-text.ts';

type Write = { readonly batch: PersistBatch | null; readonly after: readonly Message[] };

/** Every election timeout is the shortest one: a transcript says itself who campaigns when. */
const NO_CHANCE: Prng = {
  next: () => 0,
  unit: () => 0,
  range: (low) => low,
  chance: () => false,
  pick: (items) => {
    const [first] = items;
    if (first === undefined) throw new RangeError('pick from an empty list');
    return first;
  },
};

/** Every election timeout is the longest one: it hears nobody any more, and does not ask for votes itself yet. */
const PATIENT: Prng = { ...NO_CHANCE, range: (_low, high) => high };

/** A member whose disk and state machine move only when the script says so. */
export class Seat {
  machine: RaftMachine;
  readonly writes: Write[] = [];
  readonly toApply: LogEntry[] = [];
  readonly fetches: FetchRequest[] = [];
  /** A received snapshot is loaded when the script says so, not as it is written. */
  loadsLater = false;
  #toLoad: LogIndex | null = null;
  readonly #prng: Prng;
  #stored: InitialState;
  #entries: LogEntry[] = [];

  constructor(
    readonly config: RaftConfig,
    bootstrap: Membership,
    patient = false,
  ) {
    this.#prng = patient ? PATIENT : NO_CHANCE;
    const snapshot: SnapshotMeta = { index: 0, term: 0, membership: bootstrap };
    this.#stored = {
      hardState: { term: 0, vote: 0 },
      snapshot,
      membership: bootstrap,
      membershipIndex: 0,
      firstIndex: 1,
      lastIndex: 0,
      termRuns: [],
      appliedIndex: 0,
      tail: [],
    };
    this.machine = createRaft(config, this.#stored, this.#prng);
  }

  get id(): MemberId {
    return this.config.self;
  }

  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** Takes the output: what may leave goes to `wire`, the rest waits here. Returns its trace. */
  process(wire: Message[]): readonly string[] {
    const trace: string[] = [];
    for (let out = this.machine.takeOutput(); out !== null; out = this.machine.takeOutput()) {
      for (const message of out.sendNow) trace.push(`send ${messageText(message)}`);
      wire.push(...out.sendNow);
      if (out.persist !== null) trace.push(batchText(out.persist));
      for (const message of out.afterPersist) trace.push(`  then ${messageText(message)}`);
      if (out.persist !== null || this.writes.length > 0) {
        this.writes.push({ batch: out.persist, after: out.afterPersist });
      } else wire.push(...out.afterPersist);
      if (out.apply.length > 0) trace.push(`to apply ${entriesText(out.apply)}`);
      this.toApply.push(...out.apply);
      for (const round of out.rounds) trace.push(roundText(round));
      for (const fetch of out.fetch) trace.push(`fetch from ${fetch.fromIndex} for ${fetch.to}`);
      this.fetches.push(...out.fetch);
      for (const to of out.snapshotsWanted) trace.push(`snapshot wanted for ${to}`);
      if (out.role !== null) {
        const { role, term, leader, serving, why } = out.role;
        trace.push(`now ${role} t${term} leader=${leader}${serving ? ' serving' : ''} (${why})`);
      }
    }
    return trace;
  }

  /** The oldest write reaches the disk, and what waited for it leaves. */
  finishWrite(wire: Message[]): void {
    const write = this.writes.shift();
    if (write === undefined) return;
    const { batch, after } = write;
    if (batch !== null) this.#store(batch);
    wire.push(...after);
    if (batch === null) return;
    if (batch.snapshot !== null) {
      this.#toLoad = batch.snapshot.index;
      if (!this.loadsLater) this.load();
    }
    this.machine.onPersisted(batch.seq);
  }

  /** The state of a snapshot that is on disk takes the place of the one in memory. */
  load(): void {
    if (this.#toLoad !== null) this.machine.onApplied(this.#toLoad);
    this.#toLoad = null;
  }

  applyAll(): void {
    const last = this.toApply.splice(0).at(-1);
    if (last !== undefined) this.applied(last.index);
  }

  applied(index: LogIndex): void {
    this.machine.onApplied(index);
    const membership = this.#membershipAt(index);
    this.#stored = { ...this.#stored, appliedIndex: index, ...membership };
  }

  answerFetches(): void {
    for (const { to, fromIndex } of this.fetches.splice(0)) {
      const found = this.#entries.filter(({ index }) => index >= fromIndex);
      this.machine.onFetched(to, fromIndex, found);
    }
  }

  /** The log up to `index` is replaced by a snapshot at `index`. */
  compact(index: LogIndex): void {
    const at = this.#entries.find((entry) => entry.index === index);
    const { membership } = this.#membershipAt(index);
    const snapshot = { index, term: at?.term ?? 0, membership };
    this.#entries = this.#entries.filter((entry) => entry.index > index);
    this.#stored = { ...this.#stored, snapshot, firstIndex: index + 1 };
    this.machine.compactTo(index);
  }

  get snapshot(): SnapshotMeta {
    return this.#stored.snapshot;
  }

  /** Power is lost: what was not written is gone. */
  restart(): string {
    this.writes.length = 0;
    this.toApply.length = 0;
    this.fetches.length = 0;
    const { appliedIndex, snapshot } = this.#stored;
    const last = this.#entries.at(-1);
    let lastTerm = 0;
    const termRuns = this.#entries.flatMap(({ index, term }) => {
      const begins = term !== lastTerm;
      lastTerm = term;
      return begins ? [{ firstIndex: index, term }] : [];
    });
    this.#stored = {
      ...this.#stored,
      lastIndex: last?.index ?? snapshot.index,
      termRuns,
      tail: this.#entries.filter(({ index }) => index > appliedIndex),
    };
    this.machine = createRaft(this.config, this.#stored, this.#prng);
    const { term, vote } = this.#stored.hardState;
    const membership = membershipText(this.machine.status().membership);
    return `found term=${term} vote=${vote} ${entriesText(this.#entries)} ${membership}`;
  }

  #store(batch: PersistBatch): void {
    const { snapshot, truncateFrom } = batch;
    if (snapshot !== null) {
      const { membership, index } = snapshot;
      const marks = { membership, membershipIndex: index, appliedIndex: index };
      this.#stored = { ...this.#stored, snapshot, firstIndex: index + 1, ...marks };
      this.#entries = [];
    }
    if (truncateFrom !== null) {
      this.#entries = this.#entries.filter(({ index }) => index < truncateFrom);
    }
    this.#entries.push(...batch.entries);
    if (batch.hardState !== null) this.#stored = { ...this.#stored, hardState: batch.hardState };
  }

  #membershipAt(upTo: LogIndex): { membership: Membership; membershipIndex: LogIndex } {
    const newest = this.#entries.findLast(
      (entry) => entry.kind === 'membership' && entry.index <= upTo,
    );
    if (newest?.kind === 'membership') {
      return { membership: newest.membership, membershipIndex: newest.index };
    }
    const { membership, membershipIndex } = this.#stored;
    return { membership, membershipIndex };
  }
}
