import type { Command, CommandResult } from './command.ts';
import { registerKey } from './keys.ts';
import type { StateWrite, StorePorts } from './ports.ts';

type Write = Extract<Command, { type: 'put' | 'delete' }>;

/** Who took the seat of each controller: few, short, and looked at with every connection. */
const SEATS = 'controllers/seats/';

/** Named values with a revision each. Values lie in storage only; here is what a compare needs. */
export class Registers {
  readonly #revisions = new Map<string, number>();
  readonly #seats = new Map<string, Uint8Array>();

  constructor(readonly ports: StorePorts) {}

  /** The revision of a register is the log index of its last write; 0 when there is none. */
  revision(key: string): number {
    return this.#revisions.get(key) ?? 0;
  }

  seatTaker(memberId: number): Uint8Array | null {
    return this.#seats.get(`${SEATS}${memberId}`) ?? null;
  }

  apply(command: Write, index: number, writes: StateWrite[]): CommandResult {
    const { key, expectedRevision } = command;
    const current = this.revision(key);
    if (expectedRevision !== null && expectedRevision !== current) {
      const message = `register '${key}' is at revision ${current}, not ${expectedRevision}`;
      return { type: 'rejected', code: 'STALE_REVISION', message, current };
    }
    if (command.type === 'delete') {
      this.#revisions.delete(key);
      this.#seats.delete(key);
      writes.push({ type: 'del', key: registerKey(key) });
      return { type: 'written', revision: 0 };
    }
    this.#revisions.set(key, index);
    this.#keepSeat(key, command.value);
    const value = this.ports.encode([index, command.value]);
    writes.push({ type: 'put', key: registerKey(key), value });
    return { type: 'written', revision: index };
  }

  restore(key: string, stored: Uint8Array): void {
    const { revision, value } = readRegister(this.ports, stored);
    this.#revisions.set(key, revision);
    this.#keepSeat(key, value);
  }

  #keepSeat(key: string, value: Uint8Array): void {
    if (key.startsWith(SEATS)) this.#seats.set(key, value);
  }
}

/** Revision and value of a stored register, as `Registers` writes it. */
export function readRegister(
  ports: StorePorts,
  stored: Uint8Array,
): { readonly revision: number; readonly value: Uint8Array } {
  const [revision, value] = ports.decode(stored) as [number, Uint8Array];
  return { revision, value };
}
