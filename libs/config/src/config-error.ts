import { DomainError } from '#libs/kernel';

/** The file cannot be read: not there, no permission, a directory, too large. */
export class ConfigUnreadableError extends DomainError {
  readonly code = 'CONFIG_UNREADABLE';

  constructor(file: string, why: string, options?: { cause?: unknown }) {
    super(`cannot read configuration ${file}: ${why}`, options);
  }
}

/** The text is not YAML, or not one mapping. */
export class ConfigSyntaxError extends DomainError {
  readonly code = 'CONFIG_SYNTAX';

  constructor(
    readonly file: string,
    readonly problems: readonly string[],
  ) {
    super(problems.join('\n'));
  }
}

/** Keys or values that the schema refuses, all of them, one line each. */
export class ConfigInvalidError extends DomainError {
  readonly code = 'CONFIG_INVALID';

  constructor(
    readonly file: string,
    readonly problems: readonly string[],
  ) {
    super(problems.join('\n'));
  }
}

/** A certificate or key that a configuration names cannot be read, or is not PEM. */
export class TlsFileError extends DomainError {
  readonly code = 'TLS_FILE';

  constructor(what: string, file: string, why: string, options?: { cause?: unknown }) {
    super(`cannot use the ${what} ${file}: ${why}`, options);
  }
}
