import type { ClusterState, RecordedEvent } from '#libs/cluster';
import { type ClusterName, DomainError, unreachable } from '#libs/kernel';
import {
  type Command,
  type CommandResult,
  type Envelope,
  UnknownEntryError,
  unpackCommand,
  unpackControllersCommand,
  unpackEnvelope,
} from './command.ts';
import { credentialsKey, INCARNATION_KEY, PREFIX, PROTOCOL_KEY } from './keys.ts';
import type { StateWrite, StorePorts } from './ports.ts';
import { Registers } from './registers.ts';
import { packResult, unpackResult } from './result.ts';
import { Sessions } from './sessions.ts';
import { StateChecks } from './state-checks.ts';
import { Streams } from './streams.ts';

/** What the controllers keep for themselves; no client writes it. */
const OWN_REGISTERS = 'controllers/';

export type Applied = {
  readonly result: CommandResult;
  /** To be stored in one atomic batch with the index that was applied. */
  readonly writes: readonly StateWrite[];
  /** What subscribers get. Empty for a repeated or rejected command. */
  readonly events: readonly RecordedEvent[];
  /** The result as its session keeps and sends it; null when no session asked. */
  readonly answer: Uint8Array | null;
};

type SessionEnvelope = Extract<Envelope, { from: 'session' }>;
type Outcome = Pick<Applied, 'result' | 'answer'>;

/**
 * The replicated state machine: log entries in, stored changes and results out. No clock, no chance,
 * no IO; the same entries give the same writes on every controller, which `digest` shows.
 */
export class EventStore {
  readonly #streams: Streams;
  readonly #registers: Registers;
  readonly #sessions: Sessions;
  #digest = 0;
  #incarnation: string | null = null;
  #protocol = 1;
  /** Of this member's memory: never stored, and not part of the digest. */
  readonly checks = new StateChecks();

  constructor(readonly ports: StorePorts) {
    this.#streams = new Streams(ports);
    this.#registers = new Registers(ports);
    this.#sessions = new Sessions(ports);
  }

  /**
   * CRC-32 over every write in order, and of sessions over every answer: equal at equal applied
   * indexes on all controllers.
   */
  get digest(): number {
    return this.#digest;
  }

  /** Of the controllers as a group; null in the founding one, which the group id names. */
  get incarnation(): string | null {
    return this.#incarnation;
  }

  /** The level of the protocol that the group has switched to; it never falls. */
  get protocol(): number {
    return this.#protocol;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** The incarnation that took this controller's seat; null while nobody is known to have it. */
  seatTaker(memberId: number): string | null {
    const taker = this.#registers.seatTaker(memberId);
    return taker === null ? null : asciiText(taker);
  }

  cluster(name: ClusterName): ClusterState | null {
    return this.#streams.get(name);
  }

  clusters(): ClusterState[] {
    return this.#streams.all();
  }

  /** Takes in what storage held, before anything is applied. Other keys are passed over. */
  restore(records: Iterable<readonly [key: string, value: Uint8Array]>, digest: number): void {
    for (const [key, value] of records) this.restoreRecord(key, value);
    this.#digest = digest;
  }

  restoreRecord(key: string, value: Uint8Array): void {
    if (key.startsWith(PREFIX.cluster)) this.#streams.restore(value);
    else if (key === INCARNATION_KEY) this.#incarnation = String(this.ports.decode(value));
    else if (key === PROTOCOL_KEY) this.#protocol = Number(this.ports.decode(value));
    else if (key.startsWith(PREFIX.register)) {
      this.#registers.restore(key.slice(PREFIX.register.length), value);
    } else if (key.startsWith(PREFIX.session)) {
      this.#sessions.restore(Number(key.slice(PREFIX.session.length)), value);
    }
  }

  /** @throws UnknownEntryError */
  apply(index: number, payload: Uint8Array): Applied {
    const writes: StateWrite[] = [];
    const events: RecordedEvent[] = [];
    const { result, answer } = this.#applyEnvelope(index, payload, writes, events);
    for (const write of writes) this.#digest = this.#fold(write);
    if (answer !== null) this.#digest = this.ports.crc32(answer, this.#digest);
    return { result, writes, events, answer };
  }

  #applyEnvelope(
    index: number,
    payload: Uint8Array,
    writes: StateWrite[],
    events: RecordedEvent[],
  ): Outcome {
    try {
      const envelope = unpackEnvelope(this.ports, payload);
      switch (envelope.from) {
        case 'controller':
          return unasked(
            this.#applyCommand(
              index,
              unpackControllersCommand(this.ports, envelope.body),
              writes,
              events,
            ),
          );
        case 'opening': {
          const session = this.#sessions.open(envelope.token, index, writes);
          return this.#answered({ type: 'opened', session });
        }
        case 'session':
          return this.#applySession(index, envelope, writes);
        default:
          return unreachable(envelope);
      }
    } catch (error) {
      // A malformed command must not stop every controller at the same entry for ever; a broken
      // invariant is no DomainError and does stop the process.
      if (!(error instanceof DomainError) || error instanceof UnknownEntryError) throw error;
      const { message } = error;
      return unasked({ type: 'rejected', code: 'MALFORMED_COMMAND', message, current: null });
    }
  }

  #applySession(index: number, envelope: SessionEnvelope, writes: StateWrite[]): Outcome {
    const { session, sequence, body } = envelope;
    const lookup = this.#sessions.lookup(session, sequence);
    if (lookup.kind === 'repeated') {
      const { answer } = lookup;
      return { result: unpackResult(this.ports, answer), answer };
    }
    if (lookup.kind !== 'new') {
      return this.#answered(refusedBySession(lookup.kind, session, sequence));
    }
    const outcome = this.#answered(this.#applyClients(index, body, writes));
    this.#sessions.answered(index, envelope, outcome.answer, writes);
    return outcome;
  }

  #answered(result: CommandResult): Outcome & { readonly answer: Uint8Array } {
    return { result, answer: packResult(this.ports, result) };
  }

  /** Clients write registers; decisions about clusters come from the leading controller only. */
  #applyClients(index: number, body: Uint8Array, writes: StateWrite[]): CommandResult {
    const command = unpackCommand(this.ports, body);
    const { type } = command;
    if (type === 'put' || type === 'delete') {
      if (!command.key.startsWith(OWN_REGISTERS)) {
        return this.#registers.apply(command, index, writes);
      }
      const message = `registers below '${OWN_REGISTERS}' are the controllers' own`;
      return { type: 'rejected', code: 'NOT_ADMITTED', message, current: null };
    }
    const message = `'${type}' is not a command of clients: use the HTTP API`;
    return { type: 'rejected', code: 'NOT_ADMITTED', message, current: null };
  }

  #applyCommand(
    index: number,
    command: Command,
    writes: StateWrite[],
    events: RecordedEvent[],
  ): CommandResult {
    switch (command.type) {
      case 'append':
        return this.#streams.append(command, this.#protocol, writes, events);
      case 'credentials': {
        writes.push({ type: 'put', key: credentialsKey(command.cluster), value: command.value });
        return { type: 'written', revision: index };
      }
      case 'put':
      case 'delete':
        return this.#registers.apply(command, index, writes);
      case 'incarnation': {
        this.#incarnation = command.incarnation;
        const value = this.ports.encode(command.incarnation);
        writes.push({ type: 'put', key: INCARNATION_KEY, value });
        return { type: 'written', revision: index };
      }
      case 'protocol': {
        this.#protocol = Math.max(this.#protocol, command.level);
        const value = this.ports.encode(this.#protocol);
        writes.push({ type: 'put', key: PROTOCOL_KEY, value });
        return { type: 'written', revision: index };
      }
      case 'check':
        this.checks.apply(index, this.#digest, command);
        return { type: 'written', revision: index };
      default:
        return unreachable(command);
    }
  }

  #fold(write: StateWrite): number {
    // A session's record is not made here; what it takes in are answers, which are folded instead.
    if (write.type === 'latest') return this.#digest;
    const bytes = write.type === 'put' ? write.value : this.ports.encode(write.key);
    return this.ports.crc32(bytes, this.#digest);
  }
}

function unasked(result: CommandResult): Outcome {
  return { result, answer: null };
}

function refusedBySession(
  kind: 'forgotten' | 'unknownSession',
  session: number,
  sequence: number,
): CommandResult {
  if (kind === 'unknownSession') {
    const message = `session ${session} is not known (any more): open a new one`;
    return { type: 'rejected', code: 'SESSION_UNKNOWN', message, current: null };
  }
  const message = `the answer to command ${sequence} of session ${session} was given up already`;
  return { type: 'rejected', code: 'SEQUENCE_FORGOTTEN', message, current: null };
}

/** Identifiers of our own making have no other letters. */
function asciiText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 200));
}
