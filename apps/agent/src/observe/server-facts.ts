import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CAPACITY_SETTINGS, type ServerFacts } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { SqlSession } from '#libs/postgres-run';

const ASK_TIMEOUT_MS = 1_000;
const DISK_INTERVAL_MS = 5_000;

/**
 * The collation version that the server's own library has now, not the one that was recorded: 15 and
 * later have a function for a database's default, 13 and 14 for a collation of the same name.
 */
const FACTS_SQL = (versionNum: number): string => `
SELECT (SELECT jsonb_object_agg(name, setting::bigint) FROM pg_settings
          WHERE name = ANY ($1::text[])) AS settings,
       ${collationSql(versionNum)} AS collation`;

function collationSql(versionNum: number): string {
  const own = 'd.datname = current_database()';
  if (versionNum >= 150_000) {
    return `(SELECT pg_database_collation_actual_version(d.oid) FROM pg_database d WHERE ${own})`;
  }
  if (versionNum < 130_000) return 'NULL::text';
  return `(SELECT pg_collation_actual_version(c.oid) FROM pg_collation c, pg_database d
            WHERE ${own} AND c.collprovider = 'c' AND c.collcollate = d.datcollate LIMIT 1)`;
}

/** What changes with a restart of the server only, and how much disk is left. */
export class ServerFactsReader {
  facts: ServerFacts | null = null;
  freeBytes: bigint | null = null;
  #askedPid: number | null = null;
  #diskReadMs = Number.NEGATIVE_INFINITY;
  #diskBusy = false;

  constructor(
    readonly dataDirectory: string,
    readonly log: Logger,
  ) {}

  /** Asks each postmaster once; one that does not answer is asked again with the next look. */
  async askOnce(sql: SqlSession, pid: number | null, versionNum: number): Promise<void> {
    if (pid === null || pid === this.#askedPid) return;
    try {
      const asked = [[...CAPACITY_SETTINGS, 'max_replication_slots']];
      const [row] = await sql.query(FACTS_SQL(versionNum), asked, ASK_TIMEOUT_MS);
      const settings = row?.['settings'] as Record<string, number> | undefined;
      const collation = row?.['collation'];
      this.facts = {
        versionNum,
        settings: { ...settings },
        collation: typeof collation === 'string' ? collation : null,
      };
      this.#askedPid = pid;
    } catch (error) {
      this.log.debug('server facts not read', { why: messageOf(error) });
    }
  }

  /** Not waited for: a hung disk must not hold up a look. */
  lookAtDisk(nowMs: number): void {
    if (this.#diskBusy || nowMs - this.#diskReadMs < DISK_INTERVAL_MS) return;
    this.#diskBusy = true;
    this.#diskReadMs = nowMs;
    void this.#readDisk().finally(() => {
      this.#diskBusy = false;
    });
  }

  async #readDisk(): Promise<void> {
    const places = [this.dataDirectory, join(this.dataDirectory, 'pg_wal')];
    const found = await Promise.allSettled(places.map((place) => statfs(place, { bigint: true })));
    const free = found.flatMap((each) =>
      each.status === 'fulfilled' ? [each.value.bavail * each.value.bsize] : [],
    );
    const [first, second] = free;
    this.freeBytes = second !== undefined && (first ?? 0n) > second ? second : (first ?? null);
  }
}
