import { DomainError, messageOf } from '#libs/kernel';

/** Another process has the directory open. */
export class DirectoryInUseError extends DomainError {
  readonly code = 'DIRECTORY_IN_USE';

  constructor(directory: string, options?: { cause?: unknown }) {
    super(
      `${directory} is in use by another process: stop that controller, or give this one a directory of its own`,
      options,
    );
  }
}

/** The directory holds the data of another group of controllers. */
export class ForeignGroupError extends DomainError {
  readonly code = 'FOREIGN_GROUP';

  constructor(directory: string, found: string, expected: string) {
    super(
      `${directory} belongs to group ${found}, this controller to ${expected}: ` +
        'give it an empty directory, or the certificates of that group',
    );
  }
}

/** Written by a version of Matriarch whose format this one does not know. */
export class UnknownFormatError extends DomainError {
  readonly code = 'UNKNOWN_FORMAT';

  constructor(directory: string, found: number, known: number) {
    super(
      `${directory} is written in format ${found}, this version knows ${known}: ` +
        'start the version that wrote it, or replace this member',
    );
  }
}

/**
 * Something that was acknowledged is missing or changed: this is not the trace of a crash. The member
 * must not vote again under its id; it is replaced by a new one.
 */
export class DamagedLogError extends DomainError {
  readonly code = 'DAMAGED_LOG';

  constructor(
    directory: string,
    readonly finding: string,
    options?: { cause?: unknown },
  ) {
    super(
      `${directory} has lost acknowledged data (${finding}): keep it for inspection and replace ` +
        'this member by a new one with an empty directory',
      options,
    );
  }
}

/** One record does not carry its own checksum; opening turns it into a DamagedLogError. */
export class DamagedRecordError extends DomainError {
  readonly code = 'DAMAGED_RECORD';

  constructor(readonly finding: string) {
    super(`${finding}: replace this member by a new one with an empty directory`);
  }
}

/** A write or sync failed. Nothing is known about the disk any more: the process must stop. */
export class StorageFailedError extends DomainError {
  readonly code = 'STORAGE_FAILED';

  constructor(directory: string, options: { cause: unknown }) {
    const why = messageOf(options.cause);
    super(
      `writing to ${directory} failed (${why}) and is not tried again: look at the disk`,
      options,
    );
  }
}

/** Asked of a store after `close`. */
export class StoreClosedError extends DomainError {
  readonly code = 'STORE_CLOSED';

  constructor(directory: string) {
    super(`${directory} was closed: open it again`);
  }
}

/** The pieces of a received snapshot do not have the announced hash, or do not parse. */
export class SnapshotRejectedError extends DomainError {
  readonly code = 'SNAPSHOT_REJECTED';

  constructor(finding: string) {
    super(`the received snapshot is not usable (${finding}): it is requested again from the start`);
  }
}

/** A backup file is cut short, changed, or no backup of controllers. */
export class BackupDamagedError extends DomainError {
  readonly code = 'BACKUP_DAMAGED';

  constructor(finding: string, options?: { cause?: unknown }) {
    super(`the backup cannot be used (${finding}): take another one`, options);
  }
}

/** An offline tool was given a directory in which no controller ever ran. */
export class NoControllerDirectoryError extends DomainError {
  readonly code = 'NO_CONTROLLER_DIRECTORY';

  constructor(directory: string) {
    super(
      `${directory} is not the state directory of a controller: give the one of its configuration`,
    );
  }
}
