/** What a stretch of WAL did, from the lines of `pg_waldump`. */
export type WalSummary = {
  readonly records: number;
  readonly committed: number;
  readonly aborted: number;
  /** As pg_waldump writes times: in the time zone of the host, which is named. */
  readonly firstCommit: string | null;
  readonly lastCommit: string | null;
  /** Most touched first. */
  readonly relations: readonly TouchedRelation[];
  /** Relations beyond those that are listed. */
  readonly moreRelations: number;
};

export type TouchedRelation = {
  /** Tablespace, database and file node, as `1663/5/16384`. */
  readonly file: string;
  readonly records: number;
};

const LISTED_MAX = 50;
/** WAL of a broken primary may touch anything; what is counted stays bounded. */
const COUNTED_MAX = 10_000;

const RECORD = /^rmgr: (\S+)\s+len .* desc: (\S+)(.*)$/;
const COMMIT_TIME = /^\s(?:\S+: )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [^;]+)/;
const BLOCK = /rel (\d+\/\d+\/\d+)/g;
/** Of data and its storage: what an index or a transaction log does says nothing more. */
const DATA_MANAGERS = ['Heap', 'Heap2', 'Storage', 'SMGR'];

/** Reads one line after the other, so that WAL of any size can be summed up. */
export class WalSummariser {
  #records = 0;
  #committed = 0;
  #aborted = 0;
  #firstCommit: string | null = null;
  #lastCommit: string | null = null;
  #otherRelations = 0;
  readonly #relations = new Map<string, number>();

  take(line: string): void {
    const [, manager, what = '', rest = ''] = RECORD.exec(line) ?? [];
    if (manager === undefined) return;
    this.#records += 1;
    if (manager === 'Transaction') this.#transaction(what, rest);
    else if (DATA_MANAGERS.includes(manager)) this.#touched(rest);
  }

  get summary(): WalSummary {
    const counted = [...this.#relations].map(([file, records]) => ({ file, records }));
    counted.sort((a, b) => b.records - a.records || (a.file < b.file ? -1 : 1));
    return {
      records: this.#records,
      committed: this.#committed,
      aborted: this.#aborted,
      firstCommit: this.#firstCommit,
      lastCommit: this.#lastCommit,
      relations: counted.slice(0, LISTED_MAX),
      moreRelations: Math.max(0, counted.length - LISTED_MAX) + this.#otherRelations,
    };
  }

  #transaction(what: string, rest: string): void {
    if (what.startsWith('ABORT')) this.#aborted += 1;
    if (!what.startsWith('COMMIT')) return;
    this.#committed += 1;
    const time = COMMIT_TIME.exec(rest)?.[1] ?? null;
    this.#firstCommit ??= time;
    this.#lastCommit = time ?? this.#lastCommit;
  }

  #touched(rest: string): void {
    const files = new Set([...rest.matchAll(BLOCK)].map((match) => match[1] ?? ''));
    for (const file of files) {
      const known = this.#relations.get(file);
      if (known === undefined && this.#relations.size >= COUNTED_MAX) this.#otherRelations = 1;
      else this.#relations.set(file, (known ?? 0) + 1);
    }
  }
}
