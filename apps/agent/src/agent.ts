import type { AgentReport, Goal } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import type { Logger } from '#libs/observability';
import type { Installation, ReachableInstance } from '#libs/postgres-run';
import { type ObservedCondition, Reconciler } from '#libs/reconcile';
import { everyShared, type SignedNotes } from '#libs/transport';
import { agentsTakeOver } from './adopt/agents-take-over.ts';
import type { TakeOver } from './adopt/take-over.ts';
import { Departure } from './departure.ts';
import { Duties } from './duties.ts';
import { Failsafe } from './failsafe/failsafe.ts';
import { GuardKeeper } from './guard-client/guard-keeper.ts';
import { Hooks } from './hooks/hooks.ts';
import { Confirmations } from './link/confirmations.ts';
import type { Link, LinkEvents } from './link/controller-channel.ts';
import { Controllers } from './link/controllers.ts';
import { EventStream } from './link/event-stream.ts';
import { ParameterTeller } from './link/parameter-teller.ts';
import { Reporter } from './link/reporter.ts';
import { agentsObserver, upstreamTarget } from './observe/agents-observer.ts';
import { conditionOf, withPresentLease } from './observe/condition.ts';
import { NewsWatch } from './observe/news.ts';
import type { Observer } from './observe/observer.ts';
import { StreamLog } from './observe/stream-log.ts';
import { factsFrom } from './own-facts.ts';
import { LocalInstance } from './postgres/local-instance.ts';
import { LocalSessions } from './postgres/local-sessions.ts';
import { WalLease } from './postgres/wal-programs.ts';
import { Prober } from './probes/prober.ts';
import { AsideCopy } from './rebuild/aside-copy.ts';
import { CopyProof } from './rebuild/copy-proof.ts';
import { Preflights } from './rebuild/preflights.ts';
import { RebuildDesk } from './rebuild/rebuild-desk.ts';
import { UpstreamEnd } from './rebuild/upstream-end.ts';
import { SelfReport } from './self-report.ts';
import { ActedMemoryFile } from './state-directory/acted-memory-file.ts';
import { DataIdFile } from './state-directory/data-id-file.ts';
import { FoldedStateFile } from './state-directory/folded-state-file.ts';
import { RebuildJournalFile } from './state-directory/rebuild-journal-file.ts';
import { type StepOutcome, StepRunner } from './step-runner.ts';
import type { OwnFacts } from './steps/step-context.ts';
import { StepContexts } from './steps/step-contexts.ts';
import { Absence } from './synchronous/absence.ts';
import { changedByHand } from './synchronous/changed-by-hand.ts';
import { Tempo } from './tempo.ts';
import { LEADERLESS_MS } from './timing.ts';

export type AgentParts = {
  readonly config: AgentConfig;
  readonly installation: Installation;
  readonly guardProgram: string;
  readonly log: Logger;
  readonly notes: SignedNotes;
  readonly expiry?: () => string | null;
  readonly openLink: (controller: string, events: LinkEvents) => Link;
  readonly onStep: (outcome: StepOutcome) => void;
};

/** Joins link, guard, observation and steps. Stopping it leaves guard and PostgreSQL running. */
export class Agent {
  readonly controllers: Controllers;
  readonly stream: EventStream;
  readonly guard: GuardKeeper;
  readonly observer: Observer;
  readonly reconciler: Reconciler;
  readonly runner: StepRunner;
  readonly facts: OwnFacts;
  readonly desk: RebuildDesk;
  readonly preflights: Preflights;
  readonly failsafe: Failsafe;
  readonly #aside: AsideCopy;
  readonly #copyProof: CopyProof;
  readonly #hooks: Hooks;
  readonly #walLease: WalLease;
  readonly #local: LocalInstance;
  readonly #memory: ActedMemoryFile;
  readonly #confirmations: Confirmations;
  readonly #reporter: Reporter;
  readonly #sessions: LocalSessions;
  readonly #prober: Prober;
  readonly #absence = new Absence();
  readonly #streamLog: StreamLog;
  readonly #news = new NewsWatch();
  readonly #takeOver: TakeOver;
  readonly #contexts: StepContexts;
  readonly #parameters: ParameterTeller;
  readonly #tempo: Tempo;
  readonly #duties: Duties;
  readonly #self: SelfReport;
  #endSourceWatch: (() => void) | undefined;

  constructor(readonly parts: AgentParts) {
    const { config, installation, log } = parts;
    const { stateDirectory } = config;
    this.#streamLog = new StreamLog(log);
    this.facts = factsFrom(stateDirectory);
    this.#memory = new ActedMemoryFile(stateDirectory);
    this.#local = new LocalInstance(config, installation, new DataIdFile(stateDirectory));
    const journal = new RebuildJournalFile(stateDirectory);
    this.desk = new RebuildDesk(journal, Date.now, () => this.#reporter.now());
    this.preflights = new Preflights(
      this.#local,
      () => this.stream.state,
      () => performance.now(),
    );
    this.#aside = new AsideCopy(installation, config.postgres.dataDirectory, log);
    const upstream = () => upstreamTarget(this.reconciler.goal, this.#local);
    this.#copyProof = new CopyProof(this.desk, new UpstreamEnd(upstream, log));
    this.#hooks = new Hooks(config, log);
    const file = new FoldedStateFile(stateDirectory);
    this.stream = new EventStream(file, log, () => {
      this.#tempo.disturb();
      this.#changed();
    });
    this.#tempo = new Tempo(parts, this.stream, () => this.observer);
    this.#sessions = new LocalSessions(
      this.#local,
      () => this.stream.state?.postgres.superuser ?? config.postgres.user,
    );
    this.controllers = this.#makeControllers();
    this.#confirmations = new Confirmations(this.controllers, log, this.stream.confirmed);
    this.guard = this.#makeGuard();
    this.failsafe = this.#makeFailsafe();
    this.#parameters = new ParameterTeller(this.controllers, () => this.#sessions.steps, log);
    this.observer = agentsObserver({
      ...parts,
      ...{ local: this.#local, sessions: this.#sessions, guard: this.guard },
      pace: () => this.#tempo.pace,
      goal: () => this.reconciler.goal,
      onLook: () => this.#looked(),
    });
    const { stream, guard, observer } = this;
    const link = { stream, guard, observer, confirmations: this.#confirmations };
    this.#takeOver = agentsTakeOver({ ...link, local: this.#local, log });
    this.#reporter = new Reporter(
      this.controllers,
      log,
      () => this.report(),
      (confirmation) => {
        this.#confirmations.note(confirmation);
        this.#tempo.answered(confirmation);
        this.#prober.told(confirmation.primarySuspected === true);
      },
      () => this.#tempo.pace,
    );
    this.#prober = new Prober({
      instance: config.instance,
      state: () => this.stream.state,
      snapshot: () => this.observer.latest,
      onResult: () => this.#reporter.now(),
    });
    this.runner = new StepRunner(log, (outcome) => this.#stepEnded(outcome));
    this.#contexts = this.#makeContexts();
    this.#duties = this.#makeDuties();
    this.reconciler = this.#makeReconciler();
    this.#self = this.#makeSelfReport();
    this.#walLease = new WalLease(
      config,
      () => this.stream.state?.postgres.archive !== undefined,
      () => this.guard.remainingMs(performance.now()),
      log,
    );
  }

  start(): void {
    this.guard.start();
    void this.#aside.look();
    this.observer.look();
    this.#reporter.now();
    const readOn = (): void => this.stream.readFromSomebody(this.controllers);
    this.#endSourceWatch = everyShared(LEADERLESS_MS, readOn);
  }

  async stop(): Promise<void> {
    this.#endSourceWatch?.();
    this.#walLease.stop();
    this.#tempo.close();
    this.#reporter.stop();
    this.runner.stop();
    this.observer.stop();
    this.guard.stop();
    this.controllers.close();
    this.#duties.close();
    await this.#sessions.close();
  }

  /**
   * Hands a primary over and stops PostgreSQL, for a host that is being shut down; in a paused cluster, or
   * one that is not known, PostgreSQL stays as it is.
   */
  async leave(): Promise<void> {
    const { guard, runner } = this;
    const departure = new Departure({
      instance: this.parts.config.instance,
      state: () => this.stream.state,
      ...{ guard, runner, log: this.parts.log },
      beforeStop: () => this.#hooks.beforeStop(),
      announce: () => {
        this.facts.leaving = true;
        this.#reporter.now();
      },
    });
    await departure.run();
  }

  get goal(): Goal | null {
    return this.reconciler.goal;
  }

  /** Why this instance is not what it should be, in one line; null when all is well. */
  get problem(): string | null {
    return this.#self.problem;
  }

  /** Null until PostgreSQL was looked at for the first time. */
  report(): AgentReport | null {
    return this.#self.report();
  }

  #makeControllers(): Controllers {
    const { config, openLink } = this.parts;
    return new Controllers(
      config.controllers.map(({ name }) => name),
      openLink,
      {
        onLeader: () => this.#readFromLeader(),
        onUp: () => this.#changed(),
        onDown: (channel) => this.stream.lost(channel),
        onPush: (push, from) => {
          if (push.type === 'events') this.stream.take(push.events, from);
          else this.stream.readFrom(from);
        },
      },
    );
  }

  #makeGuard(): GuardKeeper {
    const { config, installation, guardProgram, log } = this.parts;
    const changed = (): void => this.#disturbed();
    return new GuardKeeper(config, installation, guardProgram, log, changed, (wanted) =>
      this.failsafe.wanted(wanted),
    );
  }

  #makeContexts(): StepContexts {
    const { guard, observer, facts, desk, controllers, runner } = this;
    return new StepContexts({
      ...{ guard, observer, facts, desk, controllers, runner },
      ...{ local: this.#local, sessions: this.#sessions, memory: this.#memory },
      ...{ hooks: this.#hooks, log: this.parts.log },
      currentState: () => this.stream.state,
      promised: () => this.failsafe.promised(),
      reportNow: () => this.#reporter.now(),
    });
  }

  #makeFailsafe(): Failsafe {
    const { config, notes, log } = this.parts;
    return new Failsafe({
      ...config,
      ...{ notes, log },
      state: () => this.stream.state,
      detachedThroughEpoch: () => this.#memory.memory.detachedThroughEpoch,
      tellGuard: (promises) => this.guard.tellPromises(promises),
      onPromised: () => this.#reporter.now(),
    });
  }

  #makeDuties(): Duties {
    const { guard, observer, facts, desk } = this;
    return new Duties({
      ...{ guard, observer, facts, desk, local: this.#local, log: this.parts.log },
      ...{ sessions: this.#sessions, aside: this.#aside, hooks: this.#hooks },
      onNews: () => this.#reporter.now(),
    });
  }

  #makeReconciler(): Reconciler {
    const { config, log } = this.parts;
    const { observer, facts, runner, desk } = this;
    return new Reconciler({
      instance: config.instance,
      stream: this.stream,
      confirmations: this.#confirmations,
      memory: this.#memory,
      condition: () => this.#condition(),
      runner: {
        get busy() {
          return runner.busy;
        },
        get running() {
          return runner.running;
        },
        superseded: () => runner.superseded(),
        mayBegin: (step) => runner.mayBegin(step, performance.now()),
        begin: (step, state) => runner.begin(step, (signal) => this.#contexts.make(state, signal)),
        rested: () => runner.rested(),
      },
      facts,
      desk,
      log,
      keepUp: (state) => this.#duties.keepUp(state),
      setHurry: (observe, report) => {
        observer.setHurry(observe);
        this.#reporter.setHurry(report);
      },
    });
  }

  #makeSelfReport(): SelfReport {
    const { stream, controllers, guard, observer, reconciler, runner, facts, desk, failsafe } =
      this;
    return new SelfReport({
      ...{ stream, controllers, guard, observer, reconciler, runner, facts, desk, failsafe },
      ...{ config: this.parts.config, expiry: this.parts.expiry, local: this.#local },
      ...{ takeOver: this.#takeOver, reporter: this.#reporter, prober: this.#prober },
      ...{ absence: this.#absence, tempo: this.#tempo, aside: this.#aside },
      duties: this.#duties,
    });
  }

  /** Nothing that was seen before the last step ended counts. */
  #condition(): ObservedCondition | null {
    const { latest: snapshot } = this.observer;
    if (snapshot === null || snapshot.begunMs < this.runner.endedAtMs) return null;
    const { rebuiltOrder, rewindFailed } = this.desk;
    const promised = this.failsafe.promised();
    const { state } = this.stream;
    const remoteLine = state === null ? null : this.#duties.remoteLine(state, snapshot);
    const copyAside = this.goal?.kind === 'detached' && this.#aside.canBePutBack;
    const own = { ...this.facts, rebuiltOrder, rewindFailed, promised, remoteLine, copyAside };
    const condition = conditionOf(withPresentLease(snapshot, this.guard.state), own);
    if (condition !== null) this.#duties.tellPosition();
    return condition;
  }

  /** A change that the leader may wait for is reported with the look that shows it. */
  #looked(): void {
    this.#hooks.looked(this.observer.latest, this.stream.state);
    const { sql, begunMs } = this.observer.latest ?? {};
    if (sql?.kind === 'reachable' && begunMs !== undefined) {
      this.#doubt(sql, begunMs);
      this.#streamLog.look(sql);
      const names = sql.role.kind === 'primary' ? this.facts.synchronous?.setting.names : [];
      this.#absence.look(sql, names ?? [], begunMs);
    }
    this.#prober.turn();
    const problem = this.runner.problem ?? this.reconciler.problem;
    this.#copyProof.look(this.observer.latest, this.stream.state, problem, performance.now());
    this.#changed();
    this.#parameters.looked(this.observer.latest?.sql ?? null, performance.now());
    this.#tempo.looked();
    const report = this.report();
    this.#reporter.looked(report, this.#news.isNew(report, this.reconciler.goal));
    this.#walLease.look();
  }

  /** What somebody else put in force is not what was proved: it is put back, and proved, anew (safety 2). */
  #doubt(sql: ReachableInstance, begunMs: number): void {
    const { runner, facts } = this;
    if (runner.busy || begunMs < runner.endedAtMs) return;
    const why = changedByHand(sql, facts.synchronous);
    if (why === null) return;
    facts.synchronous = null;
    this.parts.log.warn('what commits wait for was changed by hand', { why });
  }

  #changed(): void {
    const { goal } = this.reconciler;
    if (this.stream.state !== null) this.#contexts.fetchCredentials();
    this.#takeOver.look();
    this.reconciler.evaluate();
    // A new cluster waits for an agent that has understood it: not until the next look shows that.
    if (goal === null && this.goal !== null) this.#reporter.now();
  }

  #stepEnded(outcome: StepOutcome): void {
    if (outcome.tookMs > 0) this.parts.onStep(outcome);
    void this.#aside.look();
    this.#disturbed();
  }

  /** By the guard, or by a step. */
  #disturbed(): void {
    this.observer.look();
    this.#reporter.now();
    this.#changed();
  }

  #readFromLeader(): void {
    const { leader } = this.controllers;
    if (leader !== null) {
      this.stream.readFrom(leader);
      this.#reporter.now();
    }
    this.#changed();
  }
}
