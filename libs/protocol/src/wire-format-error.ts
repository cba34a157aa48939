import { DomainError } from '#libs/kernel';

/** Bytes from another process that do not follow the protocol: the link that brought them is closed. */
export class WireFormatError extends DomainError {
  readonly code = 'WIRE_FORMAT';

  constructor(what: string, rule: string, options?: { cause?: unknown }) {
    super(`${what} does not follow the protocol: ${rule}`, options);
  }
}
