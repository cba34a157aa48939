import { crc32 } from 'node:zlib';
import {
  type CommandResult,
  EventStore,
  PREFIX,
  packCommand,
  packEnvelope,
  readRegister,
  registerKey,
  type StorePorts,
  unpackCommand,
  unpackEnvelope,
} from '#libs/event-store';
import { decode, encode } from '#libs/protocol';
import type { LogEntry, LogIndex, RaftMachine, RoundOutcome } from '#libs/raft';
import { serialOf } from './hashes.ts';
import type { SessionOracle } from './session-oracle.ts';

export const STORE_PORTS: StorePorts = {
  encode,
  decode,
  crc32: (bytes, seed) => crc32(bytes, seed),
};
/** Serials from here on mark commands that are for the event store. */
export const FIRST_SESSION_SERIAL = 0x4000_0000;
const SERIAL_BYTES = 4;

/** What the event store wrote, as storage would hold it. */
export type RegisterRecords = {
  readonly records: ReadonlyMap<string, Uint8Array>;
  readonly digest: number;
};

export const NO_RECORDS: RegisterRecords = { records: new Map(), digest: 0 };

type Read = { readonly key: string; readonly answer: (value: string | null) => void };

/** The real event store of one member, and the clients that wait for it in this life. */
export class SimRegisters {
  #store = new EventStore(STORE_PORTS);
  #spoilNext = false;
  /** A command was applied wrongly: what this member says counts for nothing until that is found. */
  odd = false;
  #records = new Map<string, Uint8Array>();
  #index: LogIndex;
  readonly #waiting = new Map<number, (result: CommandResult) => void>();
  readonly #rounds = new Map<number, Read[]>();
  #confirmed: (Read & { readonly readIndex: LogIndex })[] = [];

  constructor(
    private readonly oracle: SessionOracle,
    found: RegisterRecords,
    index: LogIndex,
  ) {
    this.#index = index;
    this.#load(found);
  }

  get store(): EventStore {
    return this.#store;
  }

  /** The next value is written wrongly, as by a bit that flips in memory. */
  spoilNext(): void {
    this.#spoilNext = true;
  }

  get snapshot(): RegisterRecords {
    return { records: new Map(this.#records), digest: this.#store.digest };
  }

  restore(found: RegisterRecords, index: LogIndex): void {
    this.#store = new EventStore(STORE_PORTS);
    this.#load(found);
    this.#moveTo(index);
  }

  apply(entry: LogEntry): void {
    const { index } = entry;
    if (entry.kind === 'command' && serialOf(entry.payload) >= FIRST_SESSION_SERIAL) {
      const stored = entry.payload.subarray(SERIAL_BYTES);
      const wrong = this.#spoilNext ? spoiled(stored) : null;
      const envelope = wrong ?? stored;
      const { result, writes } = this.#store.apply(index, envelope);
      for (const write of writes) {
        if (write.type === 'put') this.#records.set(write.key, write.value);
        else if (write.type === 'latest') this.#records.set(write.key, write.value());
        else this.#records.delete(write.key);
      }
      const effect = writes.some(({ key }) => key.startsWith(PREFIX.register));
      if (wrong !== null && effect) [this.#spoilNext, this.odd] = [false, true];
      if (!this.odd) {
        this.oracle.applied({ index, envelope, result, effect, digest: this.#store.digest });
      }
      const serial = serialOf(entry.payload);
      this.#waiting.get(serial)?.(result);
      this.#waiting.delete(serial);
    }
    this.#moveTo(index);
  }

  propose(
    machine: RaftMachine,
    serial: number,
    envelope: Uint8Array,
    answer: (result: CommandResult) => void,
  ): boolean {
    const payload = new Uint8Array(SERIAL_BYTES + envelope.length);
    new DataView(payload.buffer).setUint32(0, serial);
    payload.set(envelope, SERIAL_BYTES);
    const { accepted } = machine.propose([payload]);
    if (accepted) this.#waiting.set(serial, answer);
    return accepted;
  }

  /** The value as it is at some moment after the call: a round, then everything up to its index. */
  read(machine: RaftMachine, key: string, answer: (value: string | null) => void): void {
    const result = machine.confirmRound();
    if (!result.accepted) return;
    const reads = this.#rounds.get(result.round) ?? [];
    reads.push({ key, answer });
    this.#rounds.set(result.round, reads);
  }

  answered({ round, outcome, readIndex }: RoundOutcome): void {
    const reads = this.#rounds.get(round) ?? [];
    this.#rounds.delete(round);
    if (outcome === 'lost') return;
    this.#confirmed.push(...reads.map((read) => ({ ...read, readIndex })));
    this.#moveTo(this.#index);
  }

  #moveTo(index: LogIndex): void {
    this.#index = index;
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter(({ readIndex }) => readIndex <= index);
    this.#confirmed = this.#confirmed.filter(({ readIndex }) => readIndex > index);
    if (this.odd) return;
    for (const { key, answer } of ready) answer(this.#value(key));
  }

  #value(key: string): string | null {
    const stored = this.#records.get(registerKey(key));
    if (stored === undefined) return null;
    return new TextDecoder().decode(readRegister(STORE_PORTS, stored).value);
  }

  #load({ records, digest }: RegisterRecords): void {
    this.#records = new Map(records);
    this.#store.restore(records, digest);
  }
}

/** The same command with another value; null when it writes none. */
function spoiled(envelope: Uint8Array): Uint8Array | null {
  const unpacked = unpackEnvelope(STORE_PORTS, envelope);
  if (unpacked.from !== 'session') return null;
  const command = unpackCommand(STORE_PORTS, unpacked.body);
  if (command.type !== 'put') return null;
  const body = packCommand(STORE_PORTS, { ...command, value: new TextEncoder().encode('spoiled') });
  return packEnvelope(STORE_PORTS, { ...unpacked, body });
}

/** What a member that starts has of the registers; null in worlds without clients of them. */
export function registersOf(
  oracle: SessionOracle | null,
  { registers, index }: { readonly registers: RegisterRecords; readonly index: LogIndex },
): SimRegisters | null {
  return oracle === null ? null : new SimRegisters(oracle, registers, index);
}
