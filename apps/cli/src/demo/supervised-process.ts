import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { codeOf } from '#libs/kernel';

export type SupervisedOptions = {
  readonly name: string;
  readonly argv: readonly string[];
  /** Both streams are appended here. */
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  /** How long it stays down after it ended by itself or was killed, as systemd's RestartSec. */
  readonly restartPauseMs: number;
};

const STOP_GRACE_MS = 10_000;

/**
 * A process that is started again whenever it ends, until `stop`. It has a process group of its own,
 * so that Ctrl-C in the terminal reaches only us and the order of stopping is ours.
 */
export class SupervisedProcess {
  readonly name: string;
  readonly #options: SupervisedOptions;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | null = null;
  #supervised = false;
  #starts = 0;

  constructor(options: SupervisedOptions) {
    this.#options = options;
    this.name = options.name;
  }

  /** Null while it is down. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** How often it was started; above 1 it ended at least once. */
  get starts(): number {
    return this.#starts;
  }

  start(): void {
    this.#supervised = true;
    this.#spawn();
  }

  /** From now on it is not started again when it ends, until `start`. */
  hold(): void {
    this.#supervised = false;
    if (this.#restart !== null) clearTimeout(this.#restart);
    this.#restart = null;
  }

  /** @returns false when it is down already. */
  signal(signal: NodeJS.Signals): boolean {
    return this.#child?.kill(signal) ?? false;
  }

  /** Ends it without a farewell and leaves it down until `start`. */
  async killForGood(): Promise<void> {
    this.hold();
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** SIGTERM, and SIGKILL when that had no effect in time. */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    this.hold();
    this.signal('SIGTERM');
    const killer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.#ended;
    clearTimeout(killer);
  }

  #spawn(): void {
    if (this.#child !== null) return;
    const { argv, env, logFile } = this.#options;
    const log = openSync(logFile, 'a');
    const child = spawn(argv[0] ?? '', argv.slice(1), {
      detached: true,
      cwd: '/',
      env: env ?? process.env,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#starts += 1;
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        if (this.#child === child) this.#child = null;
        if (this.#supervised) this.#scheduleRestart();
        resolve();
      };
      child.once('exit', end);
      child.once('error', (error) => {
        if (codeOf(error) !== 'ESRCH') end();
      });
    });
  }

  #scheduleRestart(): void {
    this.#restart ??= setTimeout(() => {
      this.#restart = null;
      if (this.#supervised) this.#spawn();
    }, this.#options.restartPauseMs);
  }
}
