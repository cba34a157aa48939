import { redactText } from '#libs/config';
import { codeOf, DomainError, messageOf } from '#libs/kernel';

export type ErrorDescription = {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  /** Messages of what was underneath, outermost first. */
  readonly causes?: readonly string[];
  /** Only of errors that nobody expected. */
  readonly stack?: string;
};

const CAUSES_MAX = 8;

export function describeError(error: Error): ErrorDescription {
  const code = codeOf(error);
  const causes = causesOf(error);
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    message: redactText(error.message),
    ...(causes.length === 0 ? {} : { causes }),
    ...(error instanceof DomainError || error.stack === undefined
      ? {}
      : { stack: redactText(error.stack) }),
  };
}

function causesOf(error: Error): string[] {
  const causes: string[] = [];
  let cause = error.cause;
  while (cause !== undefined && cause !== null && causes.length < CAUSES_MAX) {
    causes.push(redactText(messageOf(cause)));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}
