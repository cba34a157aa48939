import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LastWorkers } from '#libs/guarding';
import { codeOf, messageOf, unreachable } from '#libs/kernel';
import {
  type DownProof,
  dieWithParentArgv,
  hasCapabilities,
  type InstanceProcess,
  type InstanceProcesses,
  killAll,
  killPass,
  proveDown,
  signalIfSame,
} from '#libs/process';
import type { GuardSettings, PostmasterState } from '#libs/protocol';
import type { GuardLog } from './guard-log.ts';
import { postmasterEnvironment, postmasterProgram } from './postmaster-command.ts';
import { removeStaleSocketLock, socketLockOf } from './stale-socket-lock.ts';

/** How often `postmaster.pid` is looked at while PostgreSQL starts. */
const READY_POLL_MS = 20;
/** One round of killing; after it the log says who is left. */
const KILL_ROUND_LIMIT_MS = 1_000;
const PROOF_RETRY_MS = 5;
/** Killed processes are gone, and it is proved, in a few milliseconds. */
const UNPROVED_AFTER_MS = 2_000;
const UNPROVED_AGAIN_MS = 10_000;

/**
 * By what PostgreSQL calls them. In some versions the checkpointer goes before the walsenders, in others after them; it writes
 * down the statistics last. Not the archiver: while the server stops, `archive_command` archives nothing.
 */
const WORKS_TO_THE_END = /\b(?:walsender|checkpointer)\b/;
const SENDS = /\bwalsender\b/;

export type PostmasterParts = {
  readonly processes: InstanceProcesses;
  readonly log: GuardLog;
  readonly onChange: () => void;
  /** Everything was killed long ago, and still it is not proved that nothing is left. */
  readonly onUnproved: (why: string) => void;
};

/**
 * The postmaster as this process's own child. `down` means that no process of the instance exists, not
 * that the postmaster was reaped: a busy backend outlives it and acknowledges commits (safety 1).
 */
export class Postmaster {
  readonly #settings: GuardSettings['postgres'];
  readonly #processes: InstanceProcesses;
  readonly #log: GuardLog;
  readonly #onChange: () => void;
  readonly #onUnproved: PostmasterParts['onUnproved'];
  #state: PostmasterState = 'down';
  #child: ChildProcess | null = null;
  #downSinceMs = performance.now();
  #killTimer: NodeJS.Timeout | undefined;
  /** When it ends; infinite while none runs. */
  #killDueMs = Number.POSITIVE_INFINITY;
  #clearing = false;
  #waiters: (() => void)[] = [];
  /** How the last postmaster ended, in words. */
  lastExit: string | null = null;

  constructor(settings: GuardSettings['postgres'], parts: PostmasterParts) {
    this.#settings = settings;
    this.#processes = parts.processes;
    this.#log = parts.log;
    this.#onChange = parts.onChange;
    this.#onUnproved = parts.onUnproved;
  }

  get state(): PostmasterState {
    return this.#state;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** 0 when it is not down. */
  get downForMs(): number {
    return this.#state === 'down' ? Math.round(performance.now() - this.#downSinceMs) : 0;
  }

  /**
   * Only in state down. Spawned from the main thread, so that the kernel's death signal follows the
   * process and not a thread; it stands in the data directory from its first moment.
   *
   * @returns false when the launcher does not start, or the directory or the log cannot be opened
   */
  start(): boolean {
    const { dataDirectory } = this.#settings;
    const output = this.#openLog();
    if (output === null || !this.#followDirectory()) return false;
    const program = postmasterProgram(this.#settings);
    const argv = dieWithParentArgv({ parentPid: process.pid, program });
    const child = spawn(argv[0] ?? '', argv.slice(1), {
      detached: true,
      cwd: dataDirectory,
      stdio: ['ignore', output, output],
      env: postmasterEnvironment(),
    });
    closeSync(output);
    child.once('error', (error) => this.#log.error('launcher failed', { why: error.message }));
    if (child.pid === undefined) {
      this.#processes.unfollow?.();
      return false;
    }
    this.#child = child;
    this.lastExit = null;
    child.once('exit', (code, signal) => this.#exited(code, signal));
    this.#become('starting');
    this.#log.info('postgresql started', { pid: child.pid });
    this.#watchUntilReady(child).catch((error: unknown) => {
      this.#log.warn('cannot see whether postgresql is ready', { why: String(error) });
    });
    return true;
  }

  /** A disk that failed takes it with it when both lie there. */
  #openLog(): number | null {
    try {
      return openSync(this.#settings.logFile, 'a', 0o600);
    } catch (error) {
      this.#log.error('log of postgresql cannot be opened', { why: messageOf(error) });
      return null;
    }
  }

  /** It may have gone, or another's may stand there, since it was looked at. */
  #followDirectory(): boolean {
    try {
      this.#processes.follow?.();
      return true;
    } catch (error) {
      this.#log.error('data directory cannot be opened', { why: messageOf(error) });
      return false;
    }
  }

  /** SIGINT; connections end, the shutdown checkpoint is written and sent. */
  stopFast(): void {
    if (this.#state === 'down') return;
    this.#become('stopping');
    this.#child?.kill('SIGINT');
  }

  /**
   * SIGQUIT, and SIGKILL to every process of the instance after `graceMs`, or when it was due already: whoever orders it
   * once more puts nothing off. Needs no agent and touches no file, so that a hung disk does not hold it up.
   */
  stopImmediate(graceMs: number): void {
    if (this.#state === 'down') return;
    this.#become('stopping');
    if (graceMs <= 0) {
      this.#kill();
      return;
    }
    this.#child?.kill('SIGQUIT');
    const dueMs = performance.now() + graceMs;
    if (dueMs >= this.#killDueMs) return;
    clearTimeout(this.#killTimer);
    this.#killDueMs = dueMs;
    this.#killTimer = setTimeout(() => this.#kill(), graceMs);
  }

  /** Resolves when no process of the instance is left. */
  whenDown(): Promise<void> {
    if (this.#state === 'down') return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  lastWorkers(): LastWorkers {
    const workers = this.#processes
      .scan()
      .processes.filter(({ title }) => WORKS_TO_THE_END.test(title));
    const isThere = ({ pid, startTicks }: InstanceProcess): boolean =>
      this.#processes.startTicks(pid) === startTicks;
    return {
      areLeft: () => workers.some(isThere),
      // The postmaster sends them the same once it hears that the last record is written.
      letSendersEnd: () => {
        for (const each of workers) {
          if (SENDS.test(each.title)) signalIfSame(this.#processes, each, 'SIGUSR2');
        }
      },
    };
  }

  /** Kills whatever stands in the data directory, also what this guard never started. */
  async sweep(): Promise<number> {
    return this.#clearAway();
  }

  #kill(): void {
    killPass(this.#processes);
    this.#clearThenDown();
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = null;
    this.lastExit = signal === null ? `exit code ${code}` : `signal ${signal}`;
    this.#log.info('postmaster ended', { exitCode: code, signal });
    if (this.#state !== 'stopping') this.#become('stopping');
    this.#clearThenDown();
  }

  #clearThenDown(): void {
    if (this.#clearing) return;
    this.#clearing = true;
    this.#clearAway().then(
      (killed) => {
        clearTimeout(this.#killTimer);
        this.#killDueMs = Number.POSITIVE_INFINITY;
        this.#clearing = false;
        this.#processes.unfollow?.();
        this.#downSinceMs = performance.now();
        this.#log.info('postgresql is down', { stragglersKilled: killed });
        this.#become('down');
        for (const tell of this.#waiters.splice(0)) tell();
      },
      // Without the proof nothing may be said or started: the guard ends, and with it everything.
      (error: unknown) => {
        throw error;
      },
    );
  }

  /** Until none is left, the shared memory is free and the postmaster was reaped. */
  async #clearAway(): Promise<number> {
    const { dataDirectory } = this.#settings;
    const begunMs = performance.now();
    let tellAfterMs = UNPROVED_AFTER_MS;
    let killed = 0;
    for (;;) {
      const socketLock = socketLockOf(dataDirectory);
      // Looked at before anything is killed: after an orderly end one look at `/proc` is all it takes.
      const proof = proveDown(dataDirectory, { processes: this.#processes });
      if (proof.kind === 'down') {
        if (socketLock !== undefined) removeStaleSocketLock(socketLock);
        if (this.#child === null) return killed;
      }
      const forMs = performance.now() - begunMs;
      if (forMs >= tellAfterMs) {
        tellAfterMs = forMs + UNPROVED_AGAIN_MS;
        this.#unproved(proof, Math.round(forMs));
      }
      if (proof.kind === 'processes-alive') killed += await this.#killRound();
      else await delay(PROOF_RETRY_MS);
    }
  }

  #unproved(proof: DownProof, forMs: number): void {
    const why = whyNotDown(proof);
    this.#log.error('postgresql was killed and is not proved down', { forMs, why });
    this.#onUnproved(why);
  }

  async #killRound(): Promise<number> {
    const { killed, left } = await killAll(this.#processes, { limitMs: KILL_ROUND_LIMIT_MS });
    if (left.length > 0) {
      const pids = left.map(({ pid, state, title }) => `${pid} (${state}) ${title}`);
      this.#log.error('processes do not die', { processes: pids.slice(0, 10) });
    }
    return killed;
  }

  async #watchUntilReady(child: ChildProcess): Promise<void> {
    const path = join(this.#settings.dataDirectory, 'postmaster.pid');
    while (this.#child === child && this.#state === 'starting') {
      const status = await postmasterStatus(path, child.pid);
      if (this.#child !== child || this.#state !== 'starting') return;
      if (status === 'ready' || status === 'standby') {
        if (child.pid !== undefined && hasCapabilities(child.pid)) {
          this.#log.error('the kernel clears the death signal of a program with capabilities', {
            program: this.#settings.binary,
          });
        }
        this.#become('running');
        return;
      }
      await delay(READY_POLL_MS);
    }
  }

  #become(state: PostmasterState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#onChange();
  }
}

function whyNotDown(proof: DownProof): string {
  switch (proof.kind) {
    case 'down':
      return 'the postmaster was not reaped';
    case 'processes-alive': {
      const processes = proof.processes.slice(0, 10);
      const named = processes.map(({ pid, state, title }) => `${pid} (${state}) ${title}`);
      return `killed processes do not end, a hung disk? ${named.join(', ')}`;
    }
    case 'processes-unreadable': {
      const pids = proof.pids.join(', ');
      return `PostgreSQL processes of the same user may not be looked at, of a container? pid ${pids}`;
    }
    case 'shared-memory-attached':
      return `${proof.attachments} processes are attached to its shared memory ${proof.shmId}`;
    default:
      return unreachable(proof);
  }
}

/** Line 8 of `postmaster.pid`: starting, ready, standby or stopping; read without blocking the loop. */
async function postmasterStatus(path: string, pid: number | undefined): Promise<string | null> {
  try {
    const lines = (await readFile(path, 'utf8')).split('\n');
    return Number(lines[0]) === pid ? (lines[7]?.trim() ?? null) : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
