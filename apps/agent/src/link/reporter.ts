import type { AgentReport } from '#libs/cluster';
import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Confirmation } from '#libs/protocol';
import { ProblemLog } from '../problem-log.ts';
import { HURRY_INTERVAL_MS, LEADER_ANSWER_MS } from '../timing.ts';
import type { Controllers } from './controllers.ts';

/** Reports on their way; a slow leader gets no more until some are answered. */
const IN_FLIGHT_LIMIT = 4;
/** A report that is due this soon leaves with the look that was just taken, which it then tells of. */
const SOON_MS = 60;
/** Another agent is this instance: nothing is done here until the operator has mended that. */
const NAME_TAKEN = 'NAME_TAKEN';

/** Sends the agent's view to the leader: at once when it changed, else at an interval. */
export class Reporter {
  readonly #problems: ProblemLog;
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;
  #hurry = false;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** What the leader refused the last report for that it answered; null when it took it. */
  problem: string | null = null;

  constructor(
    readonly controllers: Controllers,
    readonly log: Logger,
    readonly current: () => AgentReport | null,
    readonly onAnswer: (confirmation: Confirmation) => void,
    readonly pace: () => { readonly reportMs: number },
  ) {
    this.#problems = new ProblemLog(log);
  }

  /** After a look at PostgreSQL: at once with news, else when due soon; the timer is for slow looks. */
  looked(report: AgentReport | null, news: boolean): void {
    const dueAtMs = this.#sentAtMs + this.pace().reportMs;
    const soon = !this.#hurry && performance.now() + SOON_MS >= dueAtMs;
    if (news || soon) this.#tell(report);
  }

  now(): void {
    if (!this.#stopped) this.#tell(this.current());
  }

  /** Never waits for the answer before: what it waits for may be in this report. */
  #tell(report: AgentReport | null): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    const waitMs = this.#hurry ? HURRY_INTERVAL_MS : this.pace().reportMs;
    this.#sentAtMs = performance.now();
    this.#timer = setTimeout(() => this.now(), this.#hurry ? waitMs : waitMs + SOON_MS / 2);
    if (report === null) return;
    this.#problems.look(report.problem);
    if (this.controllers.leader === null) return;
    if (this.#inFlight < IN_FLIGHT_LIMIT) void this.#send(report);
  }

  setHurry(hurry: boolean): void {
    if (hurry === this.#hurry) return;
    this.#hurry = hurry;
    this.now();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #send(report: AgentReport): Promise<void> {
    this.#inFlight += 1;
    try {
      const confirmation = await this.controllers.askLeader('report', report, LEADER_ANSWER_MS);
      this.problem = null;
      this.onAnswer(confirmation);
    } catch (error) {
      this.#refused(codeOf(error), messageOf(error));
    } finally {
      this.#inFlight -= 1;
    }
  }

  #refused(code: string | undefined, why: string): void {
    if (code !== NAME_TAKEN) {
      this.log.debug('report not answered', { code, why });
      return;
    }
    if (this.problem === null) this.log.error('not heard by the controllers', { code, why });
    this.problem = why;
  }
}
