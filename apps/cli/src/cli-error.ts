import { DomainError, messageOf } from '#libs/kernel';

/** An option or argument that cannot be used; the message says what to write instead. */
export class UsageError extends DomainError {
  readonly code = 'USAGE';
}

/** No controller of the given addresses could be asked. */
export class ControllersUnreachableError extends DomainError {
  readonly code = 'CONTROLLERS_UNREACHABLE';

  constructor(attempts: readonly string[], wayOut: string | null = null) {
    const advice = wayOut ?? 'check --api and that one of them runs';
    super(`no controller answers (${attempts.join('; ')}): ${advice}`);
  }
}

/** A controller refused; `problemCode` is the code of its answer. */
export class RefusedError extends DomainError {
  readonly code = 'REFUSED';

  constructor(
    readonly problemCode: string,
    detail: string,
    /** Which rules refused; empty where none is named. */
    readonly rules: readonly string[] = [],
  ) {
    super(detail);
  }
}

/** An answer that is not one of ours: another program listens there, or another version. */
export class ForeignAnswerError extends DomainError {
  readonly code = 'FOREIGN_ANSWER';

  constructor(url: string, why: string) {
    super(`${url} does not answer as a controller of this version: ${why}`);
  }
}

/** Only the agent of an instance knows the answer, and it gives none. */
export class AgentUnreachableError extends DomainError {
  readonly code = 'AGENT_UNREACHABLE';

  constructor(instance: string, url: string, cause: unknown) {
    super(
      `the agent of ${instance} does not answer at ${url} (${messageOf(cause)}): see that it runs there, ` +
        'and that this host may reach that port',
      { cause },
    );
  }
}

/** An order was sent and its answer never came. */
export class OutcomeUnknownError extends DomainError {
  readonly code = 'OUTCOME_UNKNOWN';

  constructor(url: string, cause: unknown) {
    super(
      `the order reached ${url} but its answer was lost: ` +
        'look at `matriarch events` before it is given again',
      { cause },
    );
  }
}
