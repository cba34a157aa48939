import { decode } from './codec.ts';
import { WireFormatError } from './wire-format-error.ts';

/**
 * Takes the fields of a fixed-position array one after another, each checked. Positions beyond the
 * last one taken are ignored: that is how a later protocol version adds a field.
 *
 * Every method throws WireFormatError, and nothing else.
 */
export class FieldReader {
  #position = 0;
  readonly #fields: readonly unknown[];

  constructor(
    readonly what: string,
    value: unknown,
  ) {
    if (!Array.isArray(value)) throw new WireFormatError(what, 'it is not an array');
    this.#fields = value;
  }

  static ofBytes(what: string, bytes: Uint8Array): FieldReader {
    return new FieldReader(what, decode(bytes));
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(name: string): number {
    const value = this.#take();
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw this.broken(name, 'is not a whole number from 0');
    }
    return value;
  }

  flag(name: string): boolean {
    const value = this.#take();
    if (typeof value !== 'boolean') throw this.broken(name, 'is not true or false');
    return value;
  }

  text(name: string, lengthMax: number): string {
    const value = this.#take();
    if (typeof value !== 'string') throw this.broken(name, 'is not text');
    if (value.length > lengthMax) throw this.broken(name, `is longer than ${lengthMax}`);
    return value;
  }

  bytes(name: string): Uint8Array {
    const value = this.#take();
    if (!(value instanceof Uint8Array)) throw this.broken(name, 'is not a byte string');
    return value;
  }

  bytesOrNull(name: string): Uint8Array | null {
    const value = this.#take();
    if (value === null) return null;
    if (!(value instanceof Uint8Array)) throw this.broken(name, 'is not a byte string');
    return value;
  }

  list(name: string, lengthMax: number): readonly unknown[] {
    const value = this.#take();
    if (!Array.isArray(value)) throw this.broken(name, 'is not a list');
    if (value.length > lengthMax) throw this.broken(name, `has more than ${lengthMax} items`);
    return value;
  }

  /** Everything from here on, each item taken by `take`. */
  rest<T>(take: (reader: FieldReader) => T): T[] {
    const items: T[] = [];
    while (this.#position < this.#fields.length) items.push(take(this));
    return items;
  }

  broken(name: string, rule: string): WireFormatError {
    return new WireFormatError(this.what, `${name} ${rule}`);
  }

  #take(): unknown {
    const value = this.#fields[this.#position];
    this.#position += 1;
    return value;
  }
}
