import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[2J';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const CTRL_C = '\u0003';

/** The whole terminal, taken over by `open` and given back by `close`. */
export class Terminal {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #onKey: (key: string) => void;

  /** Ctrl-C arrives as `q`: in raw mode the terminal sends no signal. */
  constructor(input: ReadStream, output: WriteStream, onKey: (key: string) => void) {
    this.#input = input;
    this.#output = output;
    this.#onKey = onKey;
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 };
  }

  open(): void {
    this.#output.write(ENTER);
    this.#input.setRawMode(true);
    this.#input.setEncoding('utf8');
    this.#input.on('data', this.#take);
    this.#input.resume();
  }

  draw(frame: string): void {
    this.#output.write(frame);
  }

  close(): void {
    this.#input.off('data', this.#take);
    this.#input.setRawMode(false);
    this.#input.pause();
    this.#output.write(LEAVE);
  }

  readonly #take = (typed: unknown): void => {
    for (const key of String(typed)) this.#onKey(key === CTRL_C ? 'q' : key);
  };
}
