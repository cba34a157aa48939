import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';

/** A guard that just began is busy with its instance. */
const START_AFTER_MS = 3_500;
/** A new cluster is busy with its clones. */
const FIRST_AFTER_MS = 9_000;
/** A spare that does not stay up is not worth more processor time than this. */
const RETRY_AFTER_MS = 60_000;
const PIPE_FD = 3;

/**
 * A guard that has loaded its program and waits: when the present one dies, the start of another is
 * the longest part of the outage. It holds nothing and does nothing until it is told to begin.
 */
export class SpareGuard {
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | undefined;
  #afterMs = FIRST_AFTER_MS;
  #ended = false;

  constructor(
    readonly launch: () => ChildProcess,
    readonly log: Logger,
  ) {}

  /** Has one ready soon. */
  want(afterMs = this.#afterMs): void {
    if (this.#ended || this.#child !== null || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#start(), afterMs);
  }

  /** @returns the spare, told to begin; null when there is none */
  begin(): ChildProcess | null {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const child = this.#child;
    this.#child = null;
    if (child === null) return null;
    pipeOf(child)?.end('b');
    return child;
  }

  /** It ends with its pipe. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    if (this.#child !== null) pipeOf(this.#child)?.destroy();
    this.#child = null;
  }

  #start(): void {
    this.#timer = undefined;
    this.#afterMs = START_AFTER_MS;
    const child = this.launch();
    this.#child = child;
    const gone = (why: string): void => {
      if (this.#child !== child) return;
      this.#child = null;
      this.log.warn('spare guard ended', { why });
      this.want(RETRY_AFTER_MS);
    };
    child.once('error', (error) => gone(messageOf(error)));
    child.once('exit', (exitCode, signal) => gone(signal ?? `exit code ${exitCode}`));
    // A pipe without a reader is told by the exit too.
    pipeOf(child)?.on('error', (error) => gone(messageOf(error)));
  }
}

function pipeOf(child: ChildProcess): Writable | null {
  const pipe = child.stdio[PIPE_FD];
  return pipe !== null && pipe !== undefined && 'write' in pipe ? pipe : null;
}
