import { setTimeout as delay } from 'node:timers/promises';
import type * as z from 'zod';
import {
  API_PATHS,
  type Json,
  jsonOf,
  type Problem,
  problemSchema,
  refusalAdvice,
  type StatusAnswer,
  statusAnswer,
} from '#libs/api';
import {
  ControllersUnreachableError,
  ForeignAnswerError,
  OutcomeUnknownError,
  RefusedError,
  UsageError,
} from '../cli-error.ts';
import { elapsedClockMs } from '../system-clock.ts';
import { type ApiTarget, apiUrl } from './api-target.ts';
import { CERTIFICATE_ADVICE } from './certificate-advice.ts';
import { callHttp, HttpFailure } from './http-request.ts';

export type ApiTiming = {
  /** For one answer of one controller. */
  readonly answerTimeoutMs: number;
  /** An order waits this long for the controllers to elect a leader. */
  readonly leaderWaitMs: number;
  readonly retryDelayMs: number;
};

const DEFAULT_API_TIMING: ApiTiming = {
  answerTimeoutMs: 5_000,
  leaderWaitMs: 15_000,
  retryDelayMs: 250,
};

/** An election is over before this many rounds, as a rule. */
const WAITING_IS_TOLD_AT = 4;

/** Refusals after which another controller, or the same one later, may accept. */
const TRY_AGAIN: readonly string[] = ['NOT_LEADER', 'NO_LEADER', 'QUEUE_FULL'];

type Answered<Value> =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'failure'; readonly failure: HttpFailure };

type OrderRound<Value> =
  | { readonly kind: 'value'; readonly value: Value }
  | {
      readonly kind: 'nobody';
      readonly wayOut: string | null;
      readonly attempts: readonly string[];
      /** A later round may find a leader. */
      readonly mayChange: boolean;
    };

/** Asks the controllers: whichever answers for reads, the leader for orders. */
export class ApiClient {
  readonly tls: ApiTarget['tls'];
  readonly #timing: ApiTiming;
  /** The controller that answered last comes first. */
  #urls: readonly URL[];

  constructor(
    target: ApiTarget,
    timing: ApiTiming = DEFAULT_API_TIMING,
    /** Told once when an order has to wait, so that nobody takes the silence for a hang. */
    readonly onWait: (text: string) => void = () => {},
  ) {
    this.tls = target.tls;
    this.#timing = timing;
    this.#urls = target.urls;
  }

  /** Addresses in the order in which they should be tried. */
  get urls(): readonly URL[] {
    return this.#urls;
  }

  /** @throws ControllersUnreachableError, RefusedError, ForeignAnswerError */
  async read<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    const attempts: string[] = [];
    let wayOut: string | null = null;
    for (const base of this.#urls) {
      const answered = await this.#ask(base, { method: 'GET', path }, schema);
      if (answered.kind === 'value') {
        this.#prefer(base);
        return answered.value;
      }
      if (answered.kind === 'problem' && !TRY_AGAIN.includes(answered.problem.code)) {
        throw refused(answered.problem);
      }
      attempts.push(`${base.origin}: ${reasonOf(answered)}`);
      wayOut ??= wayOutOf(answered);
    }
    throw new ControllersUnreachableError(attempts, wayOut);
  }

  /** The status as the leader sees it; what another controller knows when the leader cannot be asked. */
  async status(): Promise<StatusAnswer> {
    const first = await this.read(API_PATHS.status, statusAnswer);
    if (first.leader === null || first.leader === first.controller) return first;
    for (const base of this.#leaderCandidates(first)) {
      const answered = await this.#ask(
        base,
        { method: 'GET', path: API_PATHS.status },
        statusAnswer,
      );
      if (answered.kind !== 'value' || answered.value.controller !== answered.value.leader)
        continue;
      this.#prefer(base);
      return answered.value;
    }
    return first;
  }

  /**
   * Gives an order to the leader. It is sent again only where it was certainly not accepted.
   * @throws ControllersUnreachableError, RefusedError (NO_LEADER too), ForeignAnswerError, OutcomeUnknownError
   */
  async order<Schema extends z.ZodType>(
    path: string,
    body: unknown,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const text = JSON.stringify(jsonOf(body) satisfies Json);
    const giveUpAt = elapsedClockMs() + this.#timing.leaderWaitMs;
    for (let rounds = 1; ; rounds += 1) {
      const round = await this.#orderRound(path, text, schema);
      if (round.kind === 'value') return round.value;
      if (rounds === WAITING_IS_TOLD_AT) {
        const limit = `${this.#timing.leaderWaitMs / 1_000} s`;
        this.onWait(
          `no controller takes the order yet, tried for ${limit}: ${round.attempts.join('; ')}`,
        );
      }
      if (!round.mayChange || elapsedClockMs() >= giveUpAt) {
        if (!round.mayChange) throw new ControllersUnreachableError(round.attempts, round.wayOut);
        throw noLeader(round.attempts, this.#timing.leaderWaitMs);
      }
      await delay(this.#timing.retryDelayMs);
    }
  }

  /** Each controller once, those that were named as the leader on the way too. */
  async #orderRound<Schema extends z.ZodType>(
    path: string,
    body: string,
    schema: Schema,
  ): Promise<OrderRound<z.output<Schema>>> {
    const attempts: string[] = [];
    const waiting = this.#urls.map((url) => this.#secure(url));
    const asked = new Set<string>();
    let mayChange = false;
    let wayOut: string | null = null;
    for (let base = waiting.shift(); base !== undefined; base = waiting.shift()) {
      if (asked.has(base.host)) continue;
      asked.add(base.host);
      const answered = await this.#ask(base, { method: 'POST', path, body }, schema);
      if (answered.kind === 'value') {
        this.#prefer(base);
        return { kind: 'value', value: answered.value };
      }
      if (answered.kind === 'failure' && answered.failure.sent) {
        throw new OutcomeUnknownError(base.origin, answered.failure);
      }
      attempts.push(`${base.origin}: ${reasonOf(answered)}`);
      wayOut ??= wayOutOf(answered);
      if (answered.kind === 'failure') continue;
      if (!TRY_AGAIN.includes(answered.problem.code)) throw refused(answered.problem);
      mayChange = true;
      const url = answered.problem.leader?.url ?? null;
      if (url !== null) waiting.unshift(this.#secure(this.#known(url)));
    }
    return { kind: 'nobody', attempts, wayOut, mayChange };
  }

  async #ask<Schema extends z.ZodType>(
    base: URL,
    ask: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: string },
    schema: Schema,
  ): Promise<Answered<z.output<Schema>>> {
    const { method, path, body } = ask;
    const call = { method, url: new URL(path, base), tls: this.tls };
    try {
      const { status, body: answer } = await callHttp({
        ...call,
        ...(body === undefined ? {} : { body }),
        timeoutMs: this.#timing.answerTimeoutMs,
      });
      return understood(base, status, answer, schema);
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      return { kind: 'failure', failure: error };
    }
  }

  /** The port of the API speaks TLS as well, and orders need it. */
  #secure(base: URL): URL {
    if (this.tls === null) {
      throw new UsageError(
        `this changes the cluster and needs an operator certificate: ${CERTIFICATE_ADVICE}`,
      );
    }
    const secure = new URL(base);
    secure.protocol = 'https:';
    return secure;
  }

  #leaderCandidates(answer: StatusAnswer): URL[] {
    const url = answer.controllers.find(({ name }) => name === answer.leader)?.apiUrl ?? null;
    const others = this.#urls.slice(1);
    return url === null ? others : [this.#known(url), ...others];
  }

  #known(text: string): URL {
    const url = apiUrl(text, this.tls !== null);
    return this.#urls.find(({ host }) => host === url.host) ?? url;
  }

  #prefer(base: URL): void {
    this.#urls = [base, ...this.#urls.filter(({ host }) => host !== base.host)];
  }
}

function understood<Schema extends z.ZodType>(
  base: URL,
  status: number,
  body: string,
  schema: Schema,
): Answered<z.output<Schema>> {
  const decoded = decodedJson(base, status, body);
  if (status >= 200 && status < 300) {
    const parsed = schema.safeParse(decoded);
    if (parsed.success) return { kind: 'value', value: parsed.data };
    const [issue] = parsed.error.issues;
    const where = issue?.path.map(String).join('.') ?? '';
    throw new ForeignAnswerError(base.origin, `'${where}' of its answer: ${issue?.message ?? ''}`);
  }
  const parsed = problemSchema.safeParse(decoded);
  if (!parsed.success) throw new ForeignAnswerError(base.origin, `HTTP status ${status}`);
  return { kind: 'problem', problem: parsed.data };
}

function decodedJson(base: URL, status: number, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ForeignAnswerError(base.origin, `HTTP status ${status} and no JSON`);
  }
}

/** Controllers answer, and none of them leads: with a majority up another try helps, without one it does not. */
function noLeader(attempts: readonly string[], waitedMs: number): RefusedError {
  return new RefusedError(
    'NO_LEADER',
    `no controller took the order within ${waitedMs / 1_000} s, so nothing was ordered (${attempts.join('; ')}): ` +
      '`matriarch controllers list` shows which do not answer; a majority of the voters must, else see ' +
      'docs/runbooks/controllers-disaster.md',
  );
}

function refused(problem: Problem): RefusedError {
  const texts = problem.refusals.map(refusalAdvice);
  const detail = texts.length === 0 ? problem.detail : texts.join('\n');
  const rules = problem.refusals.map(({ rule }) => rule);
  return new RefusedError(problem.code, detail, rules);
}

function reasonOf(answered: Exclude<Answered<unknown>, { kind: 'value' }>): string {
  return answered.kind === 'problem' ? answered.problem.detail : answered.failure.message;
}

function wayOutOf(answered: Exclude<Answered<unknown>, { kind: 'value' }>): string | null {
  return answered.kind === 'failure' ? answered.failure.wayOut : null;
}
