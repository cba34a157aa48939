import { assert, DomainError } from '#libs/kernel';

export class TooManyIdsError extends DomainError {
  readonly code = 'TOO_MANY_IDS';

  constructor(limit: number) {
    super(`a writing client counts at most ${limit} rows: start another one`);
  }
}

/** Twelve hours of three hosts with a row every 10 ms; a bit each, so 2 MiB at most. */
const MAX_IDS = 16_777_216;
const FIRST_BYTES = 4_096;

/** The ids of acknowledged rows, as a set of bits that grows by doubling up to its limit. */
export class AcknowledgedIds {
  #bits = new Uint8Array(FIRST_BYTES);
  #count = 0;
  #end = 0;

  constructor(readonly limit = MAX_IDS) {}

  get count(): number {
    return this.#count;
  }

  /** One above the highest id. */
  get end(): number {
    return this.#end;
  }

  /** @throws TooManyIdsError */
  add(id: number): void {
    assert(Number.isSafeInteger(id) && id >= 0, 'an id is a whole number', { id });
    if (id >= this.limit) throw new TooManyIdsError(this.limit);
    this.#holdBit(id);
    if (this.has(id)) return;
    this.#bits[id >> 3] = (this.#bits[id >> 3] ?? 0) | (1 << (id & 7));
    this.#count += 1;
    this.#end = Math.max(this.#end, id + 1);
  }

  has(id: number): boolean {
    return ((this.#bits[id >> 3] ?? 0) & (1 << (id & 7))) !== 0;
  }

  /** The ids of [from, to), in order. */
  within(from: number, to: number): number[] {
    const ids: number[] = [];
    for (let id = from; id < Math.min(to, this.#end); id += 1) {
      if (this.has(id)) ids.push(id);
    }
    return ids;
  }

  #holdBit(id: number): void {
    let bytes = this.#bits.length;
    while (bytes * 8 <= id) bytes *= 2;
    if (bytes === this.#bits.length) return;
    const grown = new Uint8Array(bytes);
    grown.set(this.#bits);
    this.#bits = grown;
  }
}
