import type { DataDirectory } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import { type Lsn, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import {
  type Installation,
  type InstanceObservation,
  observeInstance,
  SettingsMemory,
} from '#libs/postgres-run';
import { type Haste, LastStreamed } from '#libs/reconcile';
import { onNextBeat } from '#libs/transport';
import type { GuardKeeper } from '../guard-client/guard-keeper.ts';
import { hurriedLookMs } from '../pace.ts';
import type { LocalSessions } from '../postgres/local-sessions.ts';
import { restoresBy, upstreamIn } from '../postgres/upstream.ts';
import { isNoBreakdown, probePostgres } from '../probes/postgres-probe.ts';
import { WriteProbe } from '../probes/write-probe.ts';
import { Repeats } from '../repeats.ts';
import {
  HURRY_INTERVAL_MS,
  OBSERVE_DEADLINE_MS,
  READ_WAL_END_AFTER_MS,
  RECOVERY_LOOK_MS,
  SOON_INTERVAL_MS,
} from '../timing.ts';
import { controlMark } from './control-mark.ts';
import { examineDirectory, readAncestors, readWalEnd, withWalEnd } from './data-directory.ts';
import { DirectoryFiles } from './directory-files.ts';
import { movedTo } from './moved-directory.ts';
import { childTitles, RecoveryProgress } from './recovery-progress.ts';
import { postgresConditionOf } from './report.ts';
import { ServerFactsReader } from './server-facts.ts';
import type { Snapshot } from './snapshot.ts';
import { StandbyTimeline } from './standby-timeline.ts';
import { type AskUpstream, WalGone } from './wal-gone.ts';

/** Looks at the instance at an interval, one look at a time, and at once when asked to. */
export class Observer {
  readonly lastStreamed = new LastStreamed();
  #latest: Snapshot | null = null;
  #directory: DataDirectory | null = null;
  /** Of the control file that `#directory` was read from. */
  #mark: string | null = null;
  #looking = false;
  #again = false;
  #haste: Haste = 'none';
  #putOff: () => void = () => undefined;
  #stopped = false;
  #answeredPid: number | null = null;
  #notReadySinceMs: number | null = null;
  #servedAtMs: number | null = null;
  #receiverLostMs: number | null = null;
  #standbyWalEnd: Lsn | null = null;
  #readingWalEnd = false;
  readonly #standbyTimeline = new StandbyTimeline();
  readonly #settings = new SettingsMemory();
  readonly #files: DirectoryFiles;
  readonly #repeats = new Repeats();
  readonly #server: ServerFactsReader;
  readonly #recovery = new RecoveryProgress();
  readonly #writeProbe: WriteProbe;
  #primaryPid: number | null = null;
  readonly #walGone: WalGone;
  #recoveryLookMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly config: AgentConfig,
    readonly installation: Installation,
    readonly sessions: LocalSessions,
    readonly guard: GuardKeeper,
    readonly log: Logger,
    readonly onLook: () => void,
    readonly pace: () => { readonly observeMs: number },
    askUpstream: AskUpstream,
  ) {
    this.#walGone = new WalGone(askUpstream, log);
    this.#files = new DirectoryFiles(config.postgres.dataDirectory);
    this.#server = new ServerFactsReader(config.postgres.dataDirectory, log);
    this.#writeProbe = new WriteProbe({
      session: () => sessions.writes,
      callPostmaster: (limitMs) =>
        probePostgres({ path: sessions.socketPath }, sessions.superuser(), limitMs, isNoBreakdown),
      nowMs: () => performance.now(),
      log,
    });
  }

  get latest(): Snapshot | null {
    return this.#latest;
  }

  /** A look begins now, or right after the one that is under way. */
  look(): void {
    if (this.#stopped) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#putOff();
    this.#looking = true;
    void this.#look();
  }

  setHurry(haste: Haste): void {
    if (haste === this.#haste) return;
    this.#haste = haste;
    this.look();
  }

  /** The files in the data directory were changed by a step. */
  forgetDirectory(): void {
    this.#directory = null;
  }

  /** Reads the end of WAL of the stopped instance, which is then part of what is seen. */
  async readWalEnd(): Promise<void> {
    const { dataDirectory } = this.config.postgres;
    const walEnd = await readWalEnd(this.installation, dataDirectory);
    if (this.#directory?.kind !== 'initialised') return;
    this.#directory = withWalEnd(dataDirectory, this.#directory, walEnd);
  }

  stop(): void {
    this.#stopped = true;
    this.#putOff();
  }

  async #look(): Promise<void> {
    try {
      this.#latest = await this.#observe(performance.now());
      this.lastStreamed.looked(postgresConditionOf(this.#latest), this.#latest.begunMs);
    } catch (error) {
      // Nothing is known: what was seen before must not be told as if it were so still.
      this.#latest = null;
      if (this.#repeats.isNews(messageOf(error))) this.log.error('observation failed', { error });
    }
    this.#looking = false;
    if (this.#stopped) return;
    this.#lookLater();
    this.onLook();
  }

  #lookLater(): void {
    const look = (): void => this.look();
    if (this.#again || this.#haste !== 'none') {
      const timer = setTimeout(look, this.#again ? 0 : this.#hurriedMs);
      this.#putOff = () => clearTimeout(timer);
    } else {
      this.#putOff = onNextBeat(this.pace().observeMs, look);
    }
    this.#again = false;
  }

  get #hurriedMs(): number {
    const startingForMs = this.#latest?.startingForMs ?? 0;
    const hurryMs = this.#haste === 'soon' ? SOON_INTERVAL_MS : HURRY_INTERVAL_MS;
    return hurriedLookMs(hurryMs, startingForMs, this.pace().observeMs);
  }

  async #observe(begunMs: number): Promise<Snapshot> {
    const guard = this.guard.state;
    const { dataDirectory } = this.config.postgres;
    const isDown = guard?.postmaster === 'down';
    const runs = guard !== null && guard.postmaster !== 'down';
    // One that is being stopped refuses whoever asks, and has to end the process that says so first.
    const sql = runs && guard.postmaster !== 'stopping' ? await this.#ask() : null;
    const pid = guard?.postmasterPid ?? null;
    this.#noteServing(begunMs, sql, pid);
    this.#probeWrites(guard?.postmaster === 'running' ? pid : null, sql);
    const { serverOfOthers } = this.guard;
    const files = this.#files.look(isDown || serverOfOthers);
    const { closed, managed, standbySignal, postmasterPid } = files;
    if (closed !== null) this.#directory = closed;
    else await this.#examine(guard === null ? null : runs, sql);
    this.#followReceiver(begunMs, sql);
    this.#walGone.look(begunMs, sql, this.#standbyWalEnd);
    await this.#measure(begunMs, sql, pid);
    if (closed === null) this.#followRecovery(begunMs);
    return {
      begunMs,
      guard,
      directory: this.#directory,
      sql,
      answeredBefore: pid !== null && this.#answeredPid === pid,
      startingForMs: this.#notReadySinceMs === null ? 0 : begunMs - this.#notReadySinceMs,
      foreignPid: isDown ? postmasterPid : null,
      movedTo: sql?.kind === 'unreachable' ? movedTo(pid, dataDirectory) : null,
      others: serverOfOthers ? postmasterPid : null,
      standbySignal,
      upstream: upstreamIn(managed),
      restores: restoresBy(managed),
      walGone: this.#walGone.why,
      configured: waits(sql) ? managed : {},
      standbyWalEnd: this.#standbyWalEnd,
      timelineIsSure: this.#standbyTimeline.isSure,
      downForMs: sql?.kind === 'reachable' ? 0 : begunMs - (this.#servedAtMs ?? begunMs),
      stall: this.#writeProbe.stall,
      recovery: this.#recovery,
      server: this.#server.facts,
      freeBytes: this.#server.freeBytes,
    };
  }

  async #ask(): Promise<InstanceObservation> {
    const { dataDirectory } = this.config.postgres;
    const settings = this.#settings;
    const limits = { deadlineMs: OBSERVE_DEADLINE_MS, dataDirectory, settings };
    const seen = await observeInstance(this.sessions.looks, limits);
    // Only of a stopped instance, so of the one that this postmaster was started from.
    const { walEnd = null } = this.#directory?.kind === 'initialised' ? this.#directory : {};
    return this.#standbyTimeline.complete(seen, walEnd?.timeline ?? null);
  }

  async #measure(
    nowMs: number,
    sql: InstanceObservation | null,
    pid: number | null,
  ): Promise<void> {
    this.#server.lookAtDisk(nowMs);
    if (sql?.kind !== 'reachable') return;
    const { major, minor } = sql.version;
    await this.#server.askOnce(this.sessions.looks, pid, major * 10_000 + minor);
  }

  /** From the first look that finds a primary, also while it does not answer looks any more. */
  #probeWrites(pid: number | null, sql: InstanceObservation | null): void {
    if (sql?.kind === 'reachable') this.#primaryPid = sql.role.kind === 'primary' ? pid : null;
    else if (this.#primaryPid !== pid) this.#primaryPid = null;
    this.#writeProbe.turn(this.#primaryPid);
  }

  /** A walk through `/proc`, so not at every look of a start. */
  #followRecovery(nowMs: number): void {
    const waiting = this.#notReadySinceMs !== null;
    if (waiting && nowMs - this.#recoveryLookMs < RECOVERY_LOOK_MS) return;
    this.#recoveryLookMs = waiting ? nowMs : Number.NEGATIVE_INFINITY;
    const { dataDirectory } = this.config.postgres;
    this.#recovery.note(waiting ? childTitles(dataDirectory) : null, nowMs);
  }

  #noteServing(nowMs: number, sql: InstanceObservation | null, pid: number | null): void {
    if (sql?.kind === 'reachable') {
      this.#answeredPid = pid;
      this.#notReadySinceMs = null;
      this.#servedAtMs = nowMs;
      return;
    }
    if (sql === null) this.#notReadySinceMs = null;
    else this.#notReadySinceMs ??= nowMs;
  }

  /** Files are read when PostgreSQL is down, and of a running one only when its timeline changed. */
  async #examine(runs: boolean | null, sql: InstanceObservation | null): Promise<void> {
    const { dataDirectory } = this.config.postgres;
    if (runs === false) {
      const known = this.#directory;
      const fresh = known !== null && this.#latest?.guard?.postmaster === 'down';
      const mark = controlMark(dataDirectory);
      // Running instances have no end of WAL; one that was read is of this very stop, unless somebody
      // emptied the directory since or put another one in its place.
      if (fresh && known.kind === 'initialised' && mark === this.#mark) return;
      this.#mark = mark;
      this.#directory = await examineDirectory(this.installation, dataDirectory);
      return;
    }
    if (sql?.kind !== 'reachable') {
      this.#directory ??= await examineDirectory(this.installation, dataDirectory);
      return;
    }
    const { timeline } = sql.role;
    const known = this.#directory;
    if (known?.kind === 'initialised' && known.timeline === timeline && known.walEnd === null) {
      return;
    }
    const ancestors = readAncestors(dataDirectory, timeline);
    if (ancestors === null) return;
    const { systemIdentifier } = sql;
    this.#directory = {
      kind: 'initialised',
      systemIdentifier,
      timeline,
      ancestors,
      walEnd: null,
      cleanShutdown: false,
    };
  }

  /**
   * A standby that lost its primary: what it had received is known for sure only from disk. That is read
   * beside the looks, as it may take long, and who looks at nothing meanwhile is no candidate.
   */
  #followReceiver(nowMs: number, sql: InstanceObservation | null): void {
    const orphaned =
      sql?.kind === 'reachable' && sql.role.kind === 'standby' && sql.role.receiver === undefined;
    if (!orphaned) {
      this.#receiverLostMs = null;
      this.#standbyWalEnd = null;
      return;
    }
    this.#receiverLostMs ??= nowMs;
    const due = nowMs - this.#receiverLostMs >= READ_WAL_END_AFTER_MS;
    if (!due || this.#readingWalEnd || this.#standbyWalEnd !== null) return;
    this.#readingWalEnd = true;
    void this.#readStandbyWalEnd(this.#receiverLostMs).finally(() => {
      this.#readingWalEnd = false;
      this.look();
    });
  }

  /** Counts only while it is without a receiver since the same moment. */
  async #readStandbyWalEnd(lostMs: number): Promise<void> {
    const { dataDirectory } = this.config.postgres;
    try {
      const { timeline, lsn } = await readWalEnd(this.installation, dataDirectory);
      if (this.#receiverLostMs !== lostMs) return;
      this.#standbyWalEnd = lsn;
      this.#standbyTimeline.learn(timeline);
    } catch (error) {
      this.log.debug('end of WAL not read', { why: messageOf(error) });
      if (this.#receiverLostMs !== lostMs) return;
      this.#receiverLostMs = performance.now();
      this.#standbyTimeline.learn(null);
    }
  }
}

function waits(sql: InstanceObservation | null): boolean {
  return sql?.kind === 'reachable' && sql.pendingRestart.length > 0;
}
