import type { AgentReport } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import type { Reconciler } from '#libs/reconcile';
import type { TakeOver } from './adopt/take-over.ts';
import type { Duties } from './duties.ts';
import type { Failsafe } from './failsafe/failsafe.ts';
import type { GuardKeeper } from './guard-client/guard-keeper.ts';
import type { Controllers } from './link/controllers.ts';
import type { EventStream } from './link/event-stream.ts';
import type { Reporter } from './link/reporter.ts';
import type { Observer } from './observe/observer.ts';
import { reportOf } from './observe/report.ts';
import { unrecordedWal } from './observe/unrecorded-wal.ts';
import { refusalIn } from './own-facts.ts';
import type { LocalInstance } from './postgres/local-instance.ts';
import type { Prober } from './probes/prober.ts';
import { problemOf } from './problem.ts';
import type { AsideCopy } from './rebuild/aside-copy.ts';
import type { RebuildDesk } from './rebuild/rebuild-desk.ts';
import type { StepRunner } from './step-runner.ts';
import type { OwnFacts } from './steps/step-context.ts';
import type { Absence } from './synchronous/absence.ts';
import { heldCommits } from './synchronous/held-commits.ts';
import { proofReportOf } from './synchronous/proof-report.ts';
import type { Tempo } from './tempo.ts';

/** Tools can say much; the beginning tells what is wrong. */
const PROBLEM_MAX_CHARS = 1_000;

export type SelfReportParts = {
  readonly config: AgentConfig;
  readonly facts: OwnFacts;
  readonly stream: EventStream;
  readonly controllers: Controllers;
  readonly reporter: Reporter;
  readonly guard: GuardKeeper;
  readonly observer: Observer;
  readonly local: LocalInstance;
  readonly reconciler: Reconciler;
  readonly runner: StepRunner;
  readonly desk: RebuildDesk;
  readonly aside: AsideCopy;
  readonly failsafe: Failsafe;
  readonly takeOver: TakeOver;
  readonly prober: Prober;
  readonly absence: Absence;
  readonly tempo: Tempo;
  readonly duties: Duties;
  /** What is to be said of the end of its certificate. */
  readonly expiry: (() => string | null) | undefined;
};

/** What the agent says of itself and its instance, from what each of its parts knows at this moment. */
export class SelfReport {
  readonly #parts: SelfReportParts;

  constructor(parts: SelfReportParts) {
    this.#parts = parts;
  }

  /** Why this instance is not what it should be, in one line; null when all is well. */
  get problem(): string | null {
    const { config, stream, controllers, observer, expiry } = this.#parts;
    const { reporter, local, reconciler, runner, takeOver, guard, duties } = this.#parts;
    const told = [reporter, local.lastGood, reconciler, runner, takeOver, guard, duties];
    return problemOf({
      config,
      state: stream.state,
      unknownCluster: stream.unknownCluster,
      outdated: stream.understanding.problem,
      whyNoLeader: controllers.whyNoLeader(),
      seen: observer.latest,
      others: [...told.map(({ problem }) => problem), this.#heldCommits(), expiry?.()],
    });
  }

  #heldCommits(): string | null {
    const { facts, absence, stream } = this.#parts;
    const strict = stream.state?.settings.synchronousStrict === true;
    return heldCommits(facts.synchronous?.setting, absence.list(performance.now()), strict);
  }

  /** Null before the first look at PostgreSQL. */
  report(): AgentReport | null {
    const { config, facts, stream, observer, guard, local, reconciler, runner } = this.#parts;
    const { desk, aside, failsafe, takeOver, prober, absence, tempo, duties } = this.#parts;
    const { latest } = observer;
    if (latest === null) return null;
    const nowMs = performance.now();
    const { detached, abandonedHandOver, handOverRefused, leaving } = facts;
    const { instance, postgres, api, tags } = config;
    return reportOf(latest, nowMs, guard.remainingMs(nowMs), {
      ...{ instance, tags, postgresEndpoint: postgres.advertise, agentEndpoint: api.advertise },
      actedVersion: reconciler.actedVersion,
      replicationName: local.replicationName,
      keeps: takeOver.problem,
      foreignSenders: duties.foreignSenders(stream.state),
      synchronous: proofReportOf(stream.state, facts.synchronous, absence.list(nowMs)),
      ...{ detached, abandonedHandOver, handOverRefused, leaving, ...duties.answers },
      calmForMs: tempo.calmMs,
      ...{ probes: prober.report(), promise: failsafe.promised() },
      ...{ rebuild: desk.report(), aside: aside.report },
      promotionRefused: refusalIn(facts, nowMs),
      configurationRejected: local.lastGood.rejected,
      divergedWal: unrecordedWal(facts.divergedWal, stream.state, instance),
      activity: runner.activity,
      problem: this.problem?.slice(0, PROBLEM_MAX_CHARS) ?? null,
    });
  }
}
