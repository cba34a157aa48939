import type {
  Member,
  MemberId,
  Membership,
  MembershipChange,
  Message,
  RaftConfig,
} from '#libs/raft';
import { Seat } from './raft-seat.ts';
import { entriesText, membershipText, messageText, snapshotText, statusText } from './raft-text.ts';

const LIMITS: Omit<RaftConfig, 'self'> = {
  heartbeatTicks: 1,
  answerTicks: 0,
  electionTicks: 3,
  maxAppendBytes: 1_000_000,
  maxInflightAppends: 16,
  maxInflightBytes: 1_000_000,
  maxUncommittedBytes: 1_000_000,
  cacheBytes: 1_000_000,
};

/** More rounds of delivery than any honest exchange takes. */
const STABILIZE_ROUNDS_MAX = 200;

/** Members, and the messages between them, moved by the commands of a transcript. */
export class RaftGroup {
  readonly #seats = new Map<MemberId, Seat>();
  #wire: Message[] = [];
  #bootstrap: Membership = { members: [], voters: [], outgoing: [], learners: [] };

  /** Carries out one command line and returns its trace. */
  run(line: string): readonly string[] {
    const [verb = '', ...words] = line.split(' ').filter((word) => word !== '');
    const options = new Map<string, string>();
    const plain: string[] = [];
    for (const word of words) {
      const at = word.indexOf('=');
      if (at > 0) options.set(word.slice(0, at), word.slice(at + 1));
      else plain.push(word);
    }
    const trace = this.#command(verb, plain, options);
    return trace.length === 0 ? ['(nothing)'] : trace;
  }

  #command(
    verb: string,
    words: readonly string[],
    options: ReadonlyMap<string, string>,
  ): readonly string[] {
    const [first = '', second = '', third = ''] = words;
    switch (verb) {
      case 'add-nodes':
        return this.#addNodes(Number(first), options);
      case 'join':
        return this.#join(Number(first));
      case 'deliver':
        return this.#deliver(words.map(Number), options);
      case 'drop':
        return this.#drop(words.map(Number), options);
      case 'duplicate':
        this.#wire.push(...this.#chosen(words.map(Number), options));
        return [];
      case 'lead':
        return this.#lead(this.#seat(first));
      case 'stabilize':
        return this.#stabilize(words.map(Number));
      case 'in-flight':
        return this.#wire.map(messageText);
      case 'snapshot':
        return this.#sendSnapshot(this.#seat(first), this.#seat(second), third);
      default:
        return this.#onSeat(verb, this.#seat(first), words.slice(1));
    }
  }

  #onSeat(verb: string, seat: Seat, words: readonly string[]): readonly string[] {
    const [first = '', second = ''] = words;
    const { machine } = seat;
    switch (verb) {
      case 'campaign':
        for (let tick = 0; tick < 3; tick += 1) machine.tick();
        return this.#process(seat);
      case 'tick':
        for (let tick = 0; tick < Number(first || 1); tick += 1) machine.tick();
        return this.#process(seat);
      case 'propose':
        return this.#after(seat, machine.propose(words.map(bytesOf)));
      case 'round':
        return this.#after(seat, machine.confirmRound());
      case 'transfer':
        return this.#after(seat, machine.transferLeadership(Number(first)));
      case 'change':
        return this.#after(seat, machine.proposeMembership(changeOf(first, second, words[2])));
      case 'persist':
        for (let write = 0; write < Number(first || 1); write += 1) seat.finishWrite(this.#wire);
        return this.#process(seat);
      case 'apply':
        seat.applyAll();
        return this.#process(seat);
      case 'fetched':
        seat.answerFetches();
        return this.#process(seat);
      case 'compact':
        seat.compact(Number(first));
        return this.#process(seat);
      case 'stall':
        machine.onWriteStall(Number(first), 300);
        return this.#process(seat);
      case 'gone':
        machine.onGone(Number(first));
        return this.#process(seat);
      case 'unreachable':
        machine.onUnreachable(Number(first));
        return this.#process(seat);
      case 'loads-later':
        seat.loadsLater = true;
        return [];
      case 'load':
        seat.load();
        return this.#process(seat);
      case 'restart':
        return [`${seat.id} ${seat.restart()}`, ...this.#process(seat)];
      case 'status':
        return statusText(machine.status());
      case 'log':
        return [entriesText(seat.entries)];
      default:
        throw new SyntaxError(`'${verb}' is no command`);
    }
  }

  /** An election in one line, for transcripts whose subject comes after it. */
  #lead(seat: Seat): readonly string[] {
    this.#onSeat('campaign', seat, []);
    this.#stabilize([]);
    const { term, serving, commitIndex } = seat.machine.status();
    return [`${seat.id} leads t${term} commit=${commitIndex}${serving ? ' serving' : ''}`];
  }

  #addNodes(count: number, options: ReadonlyMap<string, string>): readonly string[] {
    const learners = Number(options.get('learners') ?? 0);
    const ids = Array.from({ length: count }, (_, at) => at + 1);
    this.#bootstrap = {
      members: ids.map(memberOf),
      voters: ids.slice(0, count - learners),
      outgoing: [],
      learners: ids.slice(count - learners),
    };
    const limits = { ...LIMITS };
    for (const [name, value] of options) {
      if (name in limits) Object.assign(limits, { [name]: Number(value) });
    }
    const patient = Number(options.get('patient') ?? 0);
    for (const self of ids) {
      this.#seats.set(self, new Seat({ ...limits, self }, this.#bootstrap, self === patient));
    }
    for (const id of ids) this.#process(this.#seat(String(id)));
    return [`members ${membershipText(this.#bootstrap)}`];
  }

  #join(self: MemberId): readonly string[] {
    const nobody: Membership = { members: [], voters: [], outgoing: [], learners: [] };
    const seat = new Seat({ ...LIMITS, self }, nobody);
    this.#seats.set(self, seat);
    return this.#process(seat);
  }

  /** Messages under way to `to` (to anyone when empty), further narrowed by `from=` and `only=`. */
  #chosen(to: readonly MemberId[], options: ReadonlyMap<string, string>): readonly Message[] {
    const from = options.get('from');
    const only = options.get('only');
    return this.#wire.filter(
      (message) =>
        (to.length === 0 || to.includes(message.to)) &&
        (from === undefined || message.from === Number(from)) &&
        (only === undefined || message.type === only),
    );
  }

  #deliver(to: readonly MemberId[], options: ReadonlyMap<string, string>): readonly string[] {
    const chosen = this.#chosen(to, options);
    if (options.get('keep') !== 'yes') this.#forget(chosen);
    const ordered = options.get('order') === 'reversed' ? chosen.toReversed() : chosen;
    return ordered.flatMap((message) => {
      const seat = this.#seats.get(message.to);
      const line = `recv ${messageText(message)}`;
      if (seat === undefined) return [`${line} (nobody there)`];
      seat.machine.step(message);
      return [line, ...this.#process(seat)];
    });
  }

  #drop(to: readonly MemberId[], options: ReadonlyMap<string, string>): readonly string[] {
    const chosen = this.#chosen(to, options);
    this.#forget(chosen);
    return chosen.map((message) => `lost ${messageText(message)}`);
  }

  #forget(messages: readonly Message[]): void {
    const gone = new Set(messages);
    this.#wire = this.#wire.filter((message) => !gone.has(message));
  }

  /** Writes, applies and delivers among the given members (all when none is named) until it is quiet. */
  #stabilize(ids: readonly MemberId[]): readonly string[] {
    const among = ids.length === 0 ? [...this.#seats.keys()] : ids;
    const trace: string[] = [];
    for (let round = 0; round < STABILIZE_ROUNDS_MAX; round += 1) {
      const before = trace.length;
      for (const id of among) {
        const seat = this.#seat(String(id));
        while (seat.writes.length > 0) {
          seat.finishWrite(this.#wire);
          trace.push(`${id} wrote`, ...this.#process(seat));
        }
        if (seat.toApply.length > 0) {
          seat.applyAll();
          trace.push(`${id} applied`, ...this.#process(seat));
        }
        seat.answerFetches();
        trace.push(...this.#process(seat));
      }
      const chosen = this.#wire.filter(
        ({ from, to }) => among.includes(from) && among.includes(to),
      );
      this.#forget(chosen);
      for (const message of chosen) {
        const seat = this.#seat(String(message.to));
        seat.machine.step(message);
        trace.push(`recv ${messageText(message)}`, ...this.#process(seat));
      }
      if (trace.length === before) return trace;
    }
    throw new RangeError('the group does not come to rest');
  }

  /** A verified snapshot of one member reaches another; `lost` leaves it on the way. */
  #sendSnapshot(from: Seat, to: Seat, outcome: string): readonly string[] {
    const { term } = from.machine.status();
    const meta = from.snapshot;
    if (outcome === 'lost') {
      from.machine.onSnapshotSent(to.id, 'failed', meta.index);
      return this.#process(from);
    }
    const taken = to.machine.onSnapshotReceived(meta, from.id, term);
    const line = `${to.id} ${taken ? 'installs' : 'needs no'} snapshot ${snapshotText(meta)}`;
    from.machine.onSnapshotSent(to.id, 'installed', meta.index);
    return [line, ...this.#process(to), ...this.#process(from)];
  }

  #after(seat: Seat, result: { readonly accepted: boolean }): readonly string[] {
    const { accepted: _, ...rest } = result;
    const words = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
    const line = `${result.accepted ? 'accepted' : 'refused'} ${words.join(' ')}`;
    return [line, ...this.#process(seat)];
  }

  #process(seat: Seat): readonly string[] {
    return seat.process(this.#wire).map((line) => `${seat.id} ${line}`);
  }

  #seat(word: string): Seat {
    const seat = this.#seats.get(Number(word));
    if (seat === undefined) throw new SyntaxError(`there is no member '${word}'`);
    return seat;
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function memberOf(id: MemberId): Member {
  return { id, name: `c${id}`, address: `c${id}:7400` };
}

function changeOf(verb: string, id: string, other: string | undefined): MembershipChange {
  switch (verb) {
    case 'add-learner':
      return { type: 'addLearner', member: memberOf(Number(id)) };
    case 'promote':
      return { type: 'promote', id: Number(id) };
    case 'remove':
      return { type: 'remove', id: Number(id) };
    case 'replace':
      return { type: 'replace', outgoing: Number(id), incoming: Number(other) };
    default:
      throw new SyntaxError(`'${verb}' is no membership change`);
  }
}
