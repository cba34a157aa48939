/** Keeps the last `limitChars` characters of a stream, so that a chatty tool cannot fill memory. */
export class BoundedTail {
  #chunks: string[] = [];
  #heldChars = 0;
  #truncated = false;

  constructor(readonly limitChars: number) {}

  get truncated(): boolean {
    return this.#truncated;
  }

  push(chunk: string): void {
    this.#chunks.push(chunk);
    this.#heldChars += chunk.length;
    if (this.#heldChars > this.limitChars * 2) this.#compact();
  }

  text(): string {
    this.#compact();
    return this.#chunks[0] ?? '';
  }

  #compact(): void {
    const joined = this.#chunks.join('');
    const kept = joined.length > this.limitChars ? joined.slice(-this.limitChars) : joined;
    if (kept.length < joined.length) this.#truncated = true;
    this.#chunks = [kept];
    this.#heldChars = kept.length;
  }
}

/** A line longer than this is handed over in pieces. */
const LINE_LIMIT_CHARS = 16_384;

/** Cuts a stream into lines; a carriage return ends one too (progress of tools that think of a tty). */
export class LineSplitter {
  #rest = '';

  constructor(readonly onLine: (line: string) => void) {}

  push(chunk: string): void {
    const parts = (this.#rest + chunk).split(/\r\n|\n|\r/);
    this.#rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') this.onLine(part);
    if (this.#rest.length > LINE_LIMIT_CHARS) this.end();
  }

  end(): void {
    if (this.#rest !== '') this.onLine(this.#rest);
    this.#rest = '';
  }
}
