import type { RebuildMethod, RecoveryTarget } from '#libs/cluster';
import { DomainError, type Lsn, type TimelineId } from '#libs/kernel';
import type { Conninfo } from '#libs/postgres-model';
import type { CopyPlaces, Installation, SqlTarget } from '#libs/postgres-run';

export type ToolCapabilities = {
  /** Changes the directory that is there; nothing can be kept aside. */
  readonly inPlace: boolean;
  /** Copies from a running server: the primary, or another member. */
  readonly fromServer: boolean;
  readonly limitsBandwidth: boolean;
  /** A primary can archive its WAL with it, and a standby fetch it. */
  readonly archivesWal: boolean;
  /** Can make the first data directory of a cluster, up to a recovery target. */
  readonly restoresToTarget: boolean;
};

/** What the cluster expects of a copy. */
export type Expected = {
  /** Null before the cluster has one: a bootstrap takes what it finds. */
  readonly systemIdentifier: string | null;
  readonly timeline: TimelineId | null;
};

/** What a tool found at its source; null is unknown, which refuses nothing. */
export type SourceFacts = {
  /** What it would copy, in words: a backup's label, or a server. */
  readonly source: string;
  readonly systemIdentifier: string | null;
  readonly major: number | null;
  readonly bytes: number | null;
  /** How far WAL can be fetched beside streaming; null: the tool keeps none. */
  readonly wal: { readonly timeline: number; readonly lsn: Lsn } | null;
  /** The file right after `wal` that the archive lacks although it leads on behind it; absent: none that shows. */
  readonly missing?: string;
  readonly bytesPerSecond: number | null;
  /** Reasons of the tool's own why it would fail. */
  readonly objections: readonly string[];
};

export type SourceRequest = {
  readonly installation: Installation;
  readonly dataDirectory: string;
  readonly expected: Expected;
  /** Of the server that is copied from or followed; null while there is none (bootstrap). */
  readonly server: ServerAccess | null;
};

export type ServerAccess = {
  readonly name: string;
  /** As the replication role. */
  readonly replication: Conninfo;
  /** As the rewind role: for pg_rewind, and for questions. */
  readonly rewind: Conninfo;
  readonly sql: SqlTarget;
  /** As the replication role, to a walsender. */
  readonly walsender: SqlTarget;
  /** Whether the instance is to stream from it afterwards. */
  readonly streams: boolean;
  readonly slotName: string | null;
};

export type CopyRequest = SourceRequest & {
  readonly places: CopyPlaces;
  readonly bandwidthBytesPerSecond: number | null;
  /** Bytes that the preflight expects; for tools that do not tell how far they are. */
  readonly expectedBytes: number | null;
  /** Where recovery will end: a tool that picks backups by it is told. */
  readonly target: RecoveryTarget | null;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number | null) => void;
};

/** The source is not there, or gives no backup: the next method is tried. */
export class SourceError extends DomainError {
  readonly code = 'BACKUP_SOURCE';
}

/**
 * One way to get a cluster's data into a data directory. Three files each: what is run (pure), what its
 * output means (pure), and this.
 */
export abstract class RebuildTool {
  abstract readonly name: RebuildMethod;
  abstract readonly capabilities: ToolCapabilities;

  /** Looks at the source and changes nothing. @throws SourceError */
  abstract inspect(request: SourceRequest): Promise<SourceFacts>;

  /**
   * Fills `places`, which are new and empty; a tool that works in place changes the data directory.
   * Cancelled by the signal it leaves what it has done for the caller to remove.
   *
   * @throws ProcessError, SourceError
   */
  abstract copy(request: CopyRequest): Promise<void>;

  /**
   * What fetches one WAL file, with `%f` and `%p`; null when the tool keeps none.
   *
   * @param _dataDirectory where it is fetched for, when that is not where the instance will lie
   */
  walFetch(_dataDirectory?: string): WalProgram | null {
    return null;
  }

  /** What archives one WAL file, with `%f` and `%p`. */
  walArchive(): WalProgram | null {
    return null;
  }
}

export type WalProgram = {
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Exit codes of a fetch that say "not in the archive"; any other is a failure. Absent: 1. */
  readonly missingExitCodes?: readonly number[];
};
