import { DomainError } from '#libs/kernel';

/** A frame that does not have the shape its type promises: the link is closed, nothing is guessed. */
export class MalformedMessageError extends DomainError {
  readonly code = 'MALFORMED_MESSAGE';

  constructor(message: string, field: string, expected: string) {
    super(`${message}: field '${field}' is not ${expected}`);
  }
}

/** Reads the fixed positions of a decoded message, in order, and refuses what does not fit. */
export class Fields {
  readonly #values: readonly unknown[];
  #next = 0;

  constructor(
    readonly message: string,
    decoded: unknown,
  ) {
    if (!Array.isArray(decoded)) throw new MalformedMessageError(message, '(whole)', 'an array');
    this.#values = decoded;
  }

  /** A safe whole number of at least `minimum`. */
  integer(field: string, minimum = 0): number {
    const value = this.#take();
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum) {
      throw new MalformedMessageError(this.message, field, `a whole number from ${minimum}`);
    }
    return value;
  }

  integerOrNull(field: string, minimum = 0): number | null {
    if (this.#peekNull()) return null;
    return this.integer(field, minimum);
  }

  /** A 64-bit position; small ones may arrive as plain numbers. */
  bigint(field: string): bigint {
    const value = this.#take();
    if (typeof value === 'bigint' && value >= 0n) return value;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
      return BigInt(value);
    throw new MalformedMessageError(this.message, field, 'a WAL position');
  }

  bigintOrNull(field: string): bigint | null {
    if (this.#peekNull()) return null;
    return this.bigint(field);
  }

  boolean(field: string): boolean {
    const value = this.#take();
    if (typeof value !== 'boolean')
      throw new MalformedMessageError(this.message, field, 'a boolean');
    return value;
  }

  text(field: string, maximumLength = 1_024): string {
    const value = this.#take();
    if (typeof value !== 'string' || value.length > maximumLength) {
      throw new MalformedMessageError(this.message, field, `a text of up to ${maximumLength}`);
    }
    return value;
  }

  textOrNull(field: string, maximumLength = 1_024): string | null {
    if (this.#peekNull()) return null;
    return this.text(field, maximumLength);
  }

  oneOf<T extends string>(field: string, allowed: readonly T[]): T {
    const value = this.#take();
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) {
      throw new MalformedMessageError(this.message, field, `one of ${allowed.join(', ')}`);
    }
    return found;
  }

  bytes(field: string): Uint8Array {
    const value = this.#take();
    if (!(value instanceof Uint8Array))
      throw new MalformedMessageError(this.message, field, 'bytes');
    return value;
  }

  list(field: string, maximumLength: number): readonly unknown[] {
    const value = this.#take();
    if (!Array.isArray(value) || value.length > maximumLength) {
      throw new MalformedMessageError(this.message, field, `a list of up to ${maximumLength}`);
    }
    return value;
  }

  texts(field: string, maximumLength: number): readonly string[] {
    return this.list(field, maximumLength).map((item) => {
      if (typeof item === 'string') return item;
      throw new MalformedMessageError(this.message, field, 'a list of texts');
    });
  }

  /** Nothing follows: fields of later versions are missing. */
  get ended(): boolean {
    return this.#next >= this.#values.length;
  }

  #take(): unknown {
    const value = this.#values[this.#next];
    this.#next += 1;
    return value;
  }

  #peekNull(): boolean {
    const isNull = this.#values[this.#next] === null;
    if (isNull) this.#next += 1;
    return isNull;
  }
}
