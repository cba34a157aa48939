import type { ChildProcess } from 'node:child_process';
import { BoundedTail, LineSplitter } from './bounded-tail.ts';

export type OutputOptions = {
  readonly stdin?: string;
  readonly onStdoutLine?: (line: string) => void;
  readonly onStderrLine?: (line: string) => void;
  readonly outputLimitChars?: number;
};

const OUTPUT_LIMIT_CHARS = 65_536;

/** Both streams of a child: tails kept, lines handed on. */
export class RunOutput {
  readonly stdout: BoundedTail;
  readonly stderr: BoundedTail;
  readonly #splitters: LineSplitter[] = [];

  constructor(readonly options: OutputOptions) {
    const limitChars = options.outputLimitChars ?? OUTPUT_LIMIT_CHARS;
    this.stdout = new BoundedTail(limitChars);
    this.stderr = new BoundedTail(limitChars);
  }

  attach(child: ChildProcess): void {
    this.#follow(child.stdout, this.stdout, this.options.onStdoutLine);
    this.#follow(child.stderr, this.stderr, this.options.onStderrLine);
    // A child that ends before it has read its stdin is judged by its exit code, not by EPIPE.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(this.options.stdin ?? '');
  }

  end(): void {
    for (const splitter of this.#splitters) splitter.end();
  }

  #follow(
    stream: NodeJS.ReadableStream | null,
    tail: BoundedTail,
    onLine: ((line: string) => void) | undefined,
  ): void {
    if (stream === null) return;
    const splitter = onLine === undefined ? undefined : new LineSplitter(onLine);
    if (splitter !== undefined) this.#splitters.push(splitter);
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      tail.push(chunk);
      splitter?.push(chunk);
    });
  }
}
