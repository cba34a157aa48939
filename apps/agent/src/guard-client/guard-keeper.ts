import { setTimeout as delay } from 'node:timers/promises';
import { type AgentConfig, guardPaths } from '#libs/config';
import { codeOf, type Epoch, messageOf, untilNextBeat } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Installation } from '#libs/postgres-run';
import { isDead, killAll, ProcessesInDirectory, type ProcessStat, ProcTable } from '#libs/process';
import { type LocalNote, SERVER_OF_OTHERS_EXIT_CODE } from '#libs/protocol';
import { onNextBeat } from '#libs/transport';
import {
  GUARD_CONNECT_RETRY_MS,
  GUARD_HEARD_MS,
  GUARD_PING_ANSWER_MS,
  GUARD_PING_INTERVAL_MS,
  GUARD_RELAUNCH_FIRST_MS,
  GUARD_SILENCE_MS,
  GUARD_SILENCE_TURN_MS,
  GUARD_START_MS,
  KILL_LIMIT_MS,
} from '../timing.ts';
import { DownTale } from './down-tale.ts';
import {
  type GuardAsk,
  GuardConnection,
  GuardGoneError,
  type GuardState,
  type PromisesWanted,
} from './guard-connection.ts';
import { launchGuard } from './guard-launch.ts';
import { SilenceMeter } from './silence-meter.ts';
import { SpareGuard } from './spare-guard.ts';

const DEATH_SHOWS_MS = 300;
const DEATH_POLL_MS = 2;

/**
 * Sees to it that a guard runs. When one is lost, the instance's processes are killed at once: the
 * kernel's death signal is the first of two (safety 13), and a guard that hangs gets SIGKILL itself.
 */
export class GuardKeeper {
  #connection: GuardConnection | null = null;
  #state: GuardState | null = null;
  #stateAtMs = 0;
  #heardAtMs = 0;
  #identity: ProcessStat | undefined;
  #silence = new SilenceMeter(GUARD_SILENCE_MS, performance.now());
  #putOff: () => void = () => undefined;
  #stopped = false;
  #launchedMs: number | undefined;
  /** Of guards that ended before they were attached, one after the other. */
  #earlyEnds = 0;
  #serverOfOthers = false;
  /** Whoever has attached did not end at its start, whenever it ends. */
  readonly #attached = new Set<number>();
  readonly #spare: SpareGuard;
  readonly #downs: DownTale;
  /** Why there is no guard, in words. */
  problem: string | null = 'no guard runs yet';

  constructor(
    readonly config: AgentConfig,
    readonly installation: Installation,
    /** Path of the guard's entry script. */
    readonly program: string,
    readonly log: Logger,
    readonly onChange: () => void,
    readonly onPromisesWanted: (wanted: PromisesWanted) => void,
  ) {
    this.#downs = new DownTale(log);
    this.#spare = new SpareGuard(() => launchGuard(config, installation, program, 'spare'), log);
  }

  /** Null while no guard is attached. */
  get state(): GuardState | null {
    return this.#state;
  }

  /** No guard begins: PostgreSQL runs here, and none ever had it. */
  get serverOfOthers(): boolean {
    return this.#serverOfOthers;
  }

  /** What stood in its way is gone: not only when the next try is due. */
  launchSoon(): void {
    this.#launchedMs = undefined;
  }

  /** What is left of the lease now: the guard's word, less the time since. */
  remainingMs(nowMs: number): number | null {
    const remainingMs = this.#state?.remainingMs ?? null;
    return remainingMs === null ? null : Math.max(0, remainingMs - (nowMs - this.#stateAtMs));
  }

  /** A guard that hangs stays attached; only its messages show that it lives. */
  get answers(): boolean {
    return this.#state !== null && performance.now() - this.#heardAtMs <= GUARD_SILENCE_MS;
  }

  start(): void {
    this.#turnLater();
    void this.#attach();
  }

  /** Lets go of the guard, which goes on with PostgreSQL. */
  stop(): void {
    this.#stopped = true;
    this.#putOff();
    this.#spare.end();
    this.#connection?.destroy();
  }

  /** @throws GuardGoneError, GuardRefusedError, GuardTimeoutError */
  ask(request: GuardAsk, timeoutMs: number): Promise<void> {
    const connection = this.#connection;
    if (connection === null) {
      return Promise.reject(new GuardGoneError(`'${request.type}': no guard is attached`));
    }
    const answered = connection.ask(request, timeoutMs);
    if (request.type !== 'release') return answered;
    return answered.then(() => this.#noteReleased(request.epoch));
  }

  /** The guard never renews a released epoch again, whether its next state is here yet or not. */
  #noteReleased(epoch: Epoch): void {
    if (this.#state?.epoch === epoch) this.#state = { ...this.#state, epoch: null };
  }

  tellPosition(timeline: number, lsn: bigint): void {
    this.#connection?.tell({ type: 'position', timeline, lsn });
  }

  tellPromises(promises: Extract<LocalNote, { type: 'promises' }>): void {
    this.#connection?.tell(promises);
  }

  /** Nothing is asked of a guard before this, so the killing above never meets what it starts. */
  async #attach(launchedAtMs?: number): Promise<void> {
    this.#launchedMs = launchedAtMs;
    while (!this.#stopped) {
      try {
        await this.#connect();
        return;
      } catch (error) {
        const absent = codeOf(error) === 'ENOENT' || codeOf(error) === 'ECONNREFUSED';
        const nowMs = performance.now();
        const due = this.#launchedMs === undefined || nowMs - this.#launchedMs > GUARD_START_MS;
        if (absent && due) {
          this.#launchedMs = nowMs;
          this.#launch();
        }
        if (!absent) this.problem = `the guard cannot be reached: ${messageOf(error)}`;
        await delay(GUARD_CONNECT_RETRY_MS);
      }
    }
  }

  #launch(): void {
    const spare = this.#spare.begin();
    const child = spare ?? launchGuard(this.config, this.installation, this.program);
    this.log.info('guard started', { pid: child.pid, loaded: spare !== null });
    child.once('error', (error) => {
      this.problem = `the guard cannot be started: ${messageOf(error)}`;
    });
    child.once('exit', (exitCode, signal) => {
      if (child.pid !== undefined && this.#attached.delete(child.pid)) return;
      this.#serverOfOthers = exitCode === SERVER_OF_OTHERS_EXIT_CODE;
      if (this.#serverOfOthers) {
        this.problem = serverOfOthersText(this.config);
        return;
      }
      this.#earlyEnds += 1;
      this.#launchAgainInMs(relaunchAfterMs(this.#earlyEnds));
      const how = signal ?? `exit code ${exitCode}`;
      this.problem = `the guard ended with ${how}: see guard.log in ${this.config.stateDirectory}`;
      this.log.warn('guard ended at its start', { exitCode, signal });
    });
  }

  /** One that ended is not waited for as if it were still starting: the lease of the one before runs out. */
  #launchAgainInMs(afterMs: number): void {
    this.#launchedMs = performance.now() - GUARD_START_MS + afterMs;
  }

  async #connect(): Promise<void> {
    const connection = await GuardConnection.open(guardPaths(this.config).socket, {
      onState: (state) => this.#take(state),
      onPromisesWanted: this.onPromisesWanted,
      onMessage: () => {
        this.#silence.heard();
        this.#heardAtMs = performance.now();
        this.#turnLater();
      },
      onClosed: (why) => this.#lost(why),
    });
    this.#connection = connection;
    this.#silence = new SilenceMeter(GUARD_SILENCE_MS, performance.now());
    connection.ask({ type: 'attach', agentPid: process.pid }, GUARD_START_MS).catch((error) => {
      this.log.warn('attach not answered', { why: messageOf(error) });
    });
  }

  #take(state: GuardState): void {
    if (this.#state?.incarnation !== state.incarnation) {
      this.#identity = new ProcTable().stat(state.pid);
      this.#attached.add(state.pid);
      this.#earlyEnds = 0;
      this.log.info('guard attached', { incarnation: state.incarnation, pid: state.pid });
    }
    const news = this.problem !== null || !saysTheSame(this.#state, state);
    this.#downs.look(this.#state, state);
    this.#state = state;
    this.#stateAtMs = performance.now();
    this.problem = null;
    this.#serverOfOthers = false;
    this.#spare.want();
    if (news) this.onChange();
  }

  /** Closer together while an answer is owed, which usually takes a millisecond. */
  #turnLater(): void {
    this.#putOff();
    if (this.#stopped) return;
    const nowMs = performance.now();
    const turn = (): void => {
      this.#turn();
      this.#turnLater();
    };
    const waitMs = this.#untilTurnMs();
    this.#silence.turnIn(waitMs ?? untilNextBeat(nowMs, GUARD_PING_INTERVAL_MS), nowMs);
    if (waitMs === null) {
      this.#putOff = onNextBeat(GUARD_PING_INTERVAL_MS, turn);
      return;
    }
    const timer = setTimeout(turn, waitMs);
    this.#putOff = () => clearTimeout(timer);
  }

  /** From a holder something is due; null: one without a lease is asked in beat with all else. */
  #untilTurnMs(): number | null {
    if (this.#silence.waiting) return GUARD_SILENCE_TURN_MS;
    const holds = this.#state !== null && this.#state.epoch !== null;
    return holds ? GUARD_HEARD_MS : null;
  }

  #turn(): void {
    const connection = this.#connection;
    if (connection === null) return;
    const verdict = this.#silence.turn(performance.now());
    if (verdict === 'ask-again') this.#ping(connection);
    // Sockets are read before the verdict counts: the answer may wait in one.
    if (verdict === 'silent') setImmediate(() => setImmediate(() => this.#endIfSilent(connection)));
  }

  #ping(connection: GuardConnection): void {
    this.#silence.asked();
    connection.ask({ type: 'ping' }, GUARD_PING_ANSWER_MS).catch((error) => {
      this.log.debug('ping not answered', { why: messageOf(error) });
    });
  }

  #endIfSilent(connection: GuardConnection): void {
    if (this.#connection !== connection) return;
    if (this.#silence.turn(performance.now()) !== 'silent') return;
    const pid = this.#identity?.pid;
    this.log.error('guard hangs: killed', { pid, silentMs: GUARD_SILENCE_MS });
    if (pid !== undefined) this.#signalGuard('SIGKILL');
    connection.destroy();
  }

  #signalGuard(signal: NodeJS.Signals): void {
    const known = this.#identity;
    if (known === undefined) return;
    if (new ProcTable().stat(known.pid)?.startTicks !== known.startTicks) return;
    try {
      process.kill(known.pid, signal);
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }

  /**
   * A closed connection is not yet a dead guard (another agent may have attached); only a dead one
   * has its instance killed.
   */
  #lost(why: string): void {
    this.#connection = null;
    this.#state = null;
    this.problem = `the guard is gone: ${why}`;
    this.onChange();
    if (!this.#stopped) void this.#recover(why);
  }

  async #recover(why: string): Promise<void> {
    const dead = await this.#seenDead();
    this.log.warn('guard lost', { why, dead });
    if (dead) {
      // Its start takes longer than the killing, and it kills and proves for itself before it answers.
      if (!this.#stopped) this.#launch();
      const processes = new ProcessesInDirectory(this.config.postgres.dataDirectory);
      const { killed, left, durationMs } = await killAll(processes, { limitMs: KILL_LIMIT_MS });
      this.log.warn('instance of a dead guard killed', {
        ...{ killed, left: left.length, durationMs: Math.round(durationMs) },
      });
    }
    await this.#attach(dead ? performance.now() : undefined);
  }

  /** A killed process closes its sockets a moment before the kernel shows it as dead. */
  async #seenDead(): Promise<boolean> {
    const known = this.#identity;
    if (known === undefined) return false;
    const proc = new ProcTable();
    for (let waitedMs = 0; waitedMs < DEATH_SHOWS_MS; waitedMs += DEATH_POLL_MS) {
      const now = proc.stat(known.pid);
      if (isDead(now) || now?.startTicks !== known.startTicks) return true;
      await delay(DEATH_POLL_MS);
    }
    return false;
  }
}

/** Soon at first, for what stood in its way may pass; one that never begins must not become a storm. */
export function relaunchAfterMs(earlyEnds: number): number {
  return Math.min(GUARD_RELAUNCH_FIRST_MS * 2 ** (earlyEnds - 1), GUARD_START_MS);
}

/** With each renewal comes a state that tells of nothing but more time. */
function saysTheSame(before: GuardState | null, now: GuardState): boolean {
  return (
    before !== null &&
    before.incarnation === now.incarnation &&
    before.postmaster === now.postmaster &&
    before.postmasterPid === now.postmasterPid &&
    before.epoch === now.epoch &&
    before.lastStop === now.lastStop &&
    before.controllersConnected === now.controllersConnected &&
    (before.remainingMs === null) === (now.remainingMs === null)
  );
}

function serverOfOthersText({ postgres, instance }: AgentConfig): string {
  return (
    `PostgreSQL runs in ${postgres.dataDirectory} that another system has started: stop and disable that ` +
    `system, or have the cluster take it over (bootstrap.adopt with ${instance} in the cluster's file)`
  );
}
