import { write, writeSync } from 'node:fs';
import type { SystemClock } from './system-clock.ts';

export type LogFields = Readonly<Record<string, unknown>>;

const STDERR = 2;
/** Lines that may wait for a reader of stderr that does not read; further ones are counted only. */
const WAITING_LIMIT = 512;

/**
 * JSON lines on stderr: a constant message and fields. Written by a thread of the pool, one at a time:
 * whoever reads stderr (a hung agent, a frozen disk) must never hold up the fence path.
 */
export class GuardLog {
  readonly #clock: SystemClock;
  readonly #common: LogFields;
  #waiting: string[] = [];
  #writing = false;
  #dropped = 0;

  constructor(clock: SystemClock, common: LogFields) {
    this.#clock = clock;
    this.#common = common;
  }

  info(message: string, fields: LogFields = {}): void {
    this.#add(this.#line('info', message, fields));
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#add(this.#line('warn', message, fields));
  }

  error(message: string, fields: LogFields = {}): void {
    this.#add(this.#line('error', message, fields));
  }

  /** The last words of a process that ends now. */
  fatal(message: string, fields: LogFields = {}): void {
    const lines = [...this.#waiting, this.#line('fatal', message, fields)];
    this.#waiting = [];
    try {
      writeSync(STDERR, lines.join(''));
    } catch {
      // Nobody reads any more, or the disk takes nothing, and there is no other place to say it.
    }
  }

  #line(level: string, msg: string, fields: LogFields): string {
    const time = new Date(this.#clock.nowMs()).toISOString();
    return `${JSON.stringify({ level, time, msg, ...this.#common, ...fields })}\n`;
  }

  #add(line: string): void {
    if (this.#waiting.length >= WAITING_LIMIT) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#writeNext();
  }

  #writeNext(): void {
    if (this.#writing || this.#waiting.length === 0) return;
    this.#writing = true;
    const chunk = this.#waiting.join('');
    this.#waiting = [];
    write(STDERR, chunk, (error) => {
      this.#writing = false;
      if (error !== null) this.#dropped += 1;
      else if (this.#dropped > 0) {
        const dropped = this.#dropped;
        this.#dropped = 0;
        this.warn('log lines were dropped', { dropped });
      }
      this.#writeNext();
    });
  }
}
