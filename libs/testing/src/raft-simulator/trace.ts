/** What happened, in order. Always hashed; the lines are kept only when somebody will read them. */
export class Trace {
  #low = 0x811c9dc5;
  #high = 0x01234567;
  readonly #lines: string[] | null;

  constructor(keepLines: boolean) {
    this.#lines = keepLines ? [] : null;
  }

  add(atMs: number, what: string, ...values: readonly number[]): void {
    this.#mix(Math.round(atMs * 1_000));
    for (let at = 0; at < what.length; at += 1) this.#mix(what.charCodeAt(at));
    for (const value of values) this.#mix(value);
    this.#lines?.push(`${atMs.toFixed(3)} ${what} ${values.join(' ')}`);
  }

  get hash(): string {
    const text = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return text(this.#high) + text(this.#low);
  }

  get text(): string {
    return (this.#lines ?? []).join('\n');
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ (value + (this.#low >>> 7)), 0x85ebca6b);
  }
}
