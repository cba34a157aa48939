import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '#libs/kernel';
import { isDead, ProcTable, signalIfSame } from '#libs/process';
import { FUSE_FIRED_EXIT_CODE, fuseArgv, isFuseOf, UNLIT } from './fuse-script.ts';
import type { GuardLog } from './guard-log.ts';

/** A fuse that leaves this much unread hangs, and is replaced. */
const UNREAD_LIMIT_BYTES = 4_096;

/** A fuse that cannot stay up must not become a storm of processes. */
const REPLACE_AFTER_MS = 100;

/** An instance that just began has enough to do. */
const PREPARE_AFTER_MS = 3_000;

/**
 * Starts, feeds and replaces the fuse process while PostgreSQL is, or becomes, a primary. A standby has one that is not lit:
 * to start a program takes a guard up to 60 ms on a busy host, in which nobody writes.
 */
export class Fuse {
  readonly #dataDirectory: string;
  readonly #log: GuardLog;
  #child: ChildProcess | null = null;
  #prepareTimer: NodeJS.Timeout | undefined;
  /** Milliseconds of the boot clock; null while not armed. */
  #deadlineBootMs: number | null = null;
  #replaceTimer: NodeJS.Timeout | undefined;

  constructor(
    dataDirectory: string,
    log: GuardLog,
    private readonly clock: Pick<Clock, 'bootMs'>,
  ) {
    this.#dataDirectory = dataDirectory;
    this.#log = log;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** PostgreSQL runs: until it is down its directory, which the fuse holds open, stays the same. */
  prepare(): void {
    this.#prepareTimer ??= setTimeout(() => {
      this.#prepareTimer = undefined;
      if (this.#child === null && this.#deadlineBootMs === null) this.#spawn(UNLIT);
    }, PREPARE_AFTER_MS);
  }

  /** @returns false when the program does not start: then nothing may serve */
  arm(deadlineBootMs: number): boolean {
    this.#deadlineBootMs = Math.floor(deadlineBootMs);
    if (this.#child !== null) {
      this.feed(deadlineBootMs);
      return true;
    }
    return this.#spawn(this.#deadlineBootMs);
  }

  /** A renewal was confirmed. */
  feed(deadlineBootMs: number): void {
    if (this.#deadlineBootMs === null) return;
    this.#deadlineBootMs = Math.max(this.#deadlineBootMs, Math.floor(deadlineBootMs));
    if (this.#child === null && this.#replaceTimer === undefined) this.#replace();
    const stdin = this.#child?.stdin;
    if (stdin === null || stdin === undefined) return;
    if (stdin.writableLength > UNREAD_LIMIT_BYTES) {
      this.#log.error('fuse hangs and is replaced', { fusePid: this.pid });
      this.#child?.kill('SIGKILL');
      return;
    }
    stdin.write(`${this.#deadlineBootMs}\n`);
  }

  /**
   * PostgreSQL was proved down. Killed, not asked: a fuse that is just firing must not live to find the
   * next postmaster.
   */
  disarm(): void {
    this.#deadlineBootMs = null;
    clearTimeout(this.#replaceTimer);
    clearTimeout(this.#prepareTimer);
    this.#replaceTimer = undefined;
    this.#prepareTimer = undefined;
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  /** Ends the fuses of dead guards, which would take this guard's PostgreSQL for theirs. */
  sweep(proc = new ProcTable()): void {
    for (const pid of proc.pids()) {
      if (!isFuseOf(this.#dataDirectory, proc.title(pid))) continue;
      const found = proc.stat(pid);
      if (found === undefined || isDead(found)) continue;
      signalIfSame({ startTicks: (of) => proc.stat(of)?.startTicks }, found, 'SIGKILL');
    }
  }

  #spawn(deadlineBootMs: number): boolean {
    const child = spawn('bash', fuseArgv(this.#dataDirectory, deadlineBootMs), {
      // A session of its own: no signal to the guard's group or terminal reaches it.
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' },
    });
    child.on('error', (error) => this.#log.error('fuse failed', { why: error.message }));
    // A fuse that has ended is judged by its exit, not by the pipe.
    child.stdin?.on('error', () => undefined);
    child.once('exit', (code, signal) => this.#exited(child, code, signal));
    this.#child = child;
    if (child.pid === undefined) this.#child = null;
    return child.pid !== undefined;
  }

  #exited(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return;
    this.#child = null;
    if (this.#deadlineBootMs === null) return;
    if (code === FUSE_FIRED_EXIT_CODE) {
      this.#log.error('fuse has ended postgresql at the deadline');
      return;
    }
    // It found nobody left to end: another is wanted with the next confirmed renewal, if one comes.
    if (code === 0 && this.clock.bootMs() >= this.#deadlineBootMs) return;
    this.#log.warn('fuse ended and is replaced', { exitCode: code, signal });
    this.#replaceTimer = setTimeout(() => this.#replace(), REPLACE_AFTER_MS);
  }

  #replace(): void {
    this.#replaceTimer = undefined;
    if (this.#child !== null || this.#deadlineBootMs === null) return;
    if (!this.#spawn(this.#deadlineBootMs)) this.#log.error('fuse cannot be started');
  }
}
