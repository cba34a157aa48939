import { join } from 'node:path';
import { type MethodFailure, REBUILD_METHODS, type RebuildMethod } from '#libs/cluster';
import { readFileIfPresent, writeFileDurably } from '#libs/process';

/** How far the last order to rebuild came, and what pg_rewind could not do. */
export type RebuildJournal = {
  /** Null: none was begun since the data directory is as it is. */
  readonly order: number | null;
  readonly method: RebuildMethod | null;
  /** The copy is in its place; what is left is to start it and see it stream. */
  readonly placed: boolean;
  readonly startedAtMs: number;
  readonly copiedBytes: number;
  readonly failures: readonly MethodFailure[];
  /** Whom it was copied from, on which timeline, when they failed; null: not known. */
  readonly failedUnder: string | null;
  /** How often all methods have failed, one after the other. */
  readonly rounds: number;
  readonly rewindFailed: string | null;
};

export const NO_REBUILD: RebuildJournal = {
  order: null,
  method: null,
  placed: false,
  startedAtMs: 0,
  copiedBytes: 0,
  failures: [],
  failedUnder: null,
  rounds: 0,
  rewindFailed: null,
};

/**
 * `<stateDirectory>/rebuild.json`. A journal that cannot be read counts as none: the order is begun
 * again, which destroys nothing that the leader would not permit.
 */
export class RebuildJournalFile {
  #journal: RebuildJournal;

  constructor(readonly stateDirectory: string) {
    this.#journal = parse(readFileIfPresent(this.#path));
  }

  get journal(): RebuildJournal {
    return this.#journal;
  }

  /** On disk when it returns. */
  keep(journal: RebuildJournal): void {
    const text = JSON.stringify(journal);
    if (text === JSON.stringify(this.#journal)) return;
    writeFileDurably(this.#path, `${text}\n`);
    this.#journal = journal;
  }

  get #path(): string {
    return join(this.stateDirectory, 'rebuild.json');
  }
}

function parse(text: string | undefined): RebuildJournal {
  if (text === undefined) return NO_REBUILD;
  try {
    const value = JSON.parse(text) as Partial<RebuildJournal>;
    const known = value.method == null || REBUILD_METHODS.includes(value.method);
    if (!known || !Array.isArray(value.failures ?? [])) return NO_REBUILD;
    return { ...NO_REBUILD, ...value };
  } catch (error) {
    if (error instanceof SyntaxError) return NO_REBUILD;
    throw error;
  }
}
