import type { Lsn, TimelineId } from '#libs/kernel';

/** Since this level of the protocol the ids that somebody took by hand are remembered. */
export const TAKEN_TIMELINE_LEVEL = 7;

type Position = { readonly timeline: TimelineId; readonly lsn: Lsn };

/** WAL that a former primary wrote alone, kept before a rewind took it out of the data directory. */
export type DivergedWal = {
  /** Tells one from another of the same instance: when it was kept, milliseconds since 1970. */
  readonly keptAt: number;
  /** On the instance's host. */
  readonly path: string;
  /** Where the cluster's history was left, and where the WAL ended. */
  readonly from: Position;
  readonly to: Position;
  readonly keptBytes: number;
  /** Not every segment was kept: there were too many. */
  readonly truncated: boolean;
  readonly committed: number;
  readonly aborted: number;
  /** As pg_waldump writes them. */
  readonly firstCommit: string | null;
  readonly lastCommit: string | null;
  readonly relations: readonly {
    /** As `database: schema.table` where it could be told, else as the file's name. */
    readonly name: string;
    readonly records: number;
  }[];
  readonly moreRelations: number;
};
