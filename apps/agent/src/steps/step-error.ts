import { DomainError } from '#libs/kernel';

/** The step cannot be done now for a reason that passes; it is tried again. */
export class NotYetError extends DomainError {
  readonly code = 'NOT_YET';
}

export class NotPermittedError extends DomainError {
  readonly code = 'NOT_PERMITTED';

  constructor(
    message: string,
    /** Refused only because nothing would be kept aside (safety 25). */
    readonly inPlace = false,
  ) {
    super(message);
  }
}

export class StepFailedError extends DomainError {
  readonly code = 'STEP_FAILED';
}
