import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { assert, codeOf, DomainError, messageOf } from '#libs/kernel';
import type {
  Backend,
  BackendIterator,
  BackendOperation,
  BackendSnapshot,
  IteratorOptions,
  OpenDisk,
  StoreDisk,
} from './disk.ts';
import { FileGuardDevice, openStagingFile } from './disk-files.ts';
import { DiskReserve, RESERVE_FILE } from './disk-reserve.ts';
import { DamagedLogError, DirectoryInUseError } from './errors.ts';
import { readIfThere, reportedLossOf } from './level-log-text.ts';
import { damagedInUse, damagedTables } from './level-table-check.ts';
import { unusable } from './unusable-directory.ts';

/**
 * Each start draws its own size of LevelDB's memory table. Members write the same at the same moment: with one size all
 * of them would also write their tables to disk at the same moment, and no majority would answer meanwhile. Small, for
 * there are two while one is written, and fewer than the ring of batch markers is made for (batch-markers.ts).
 */
const WRITE_BUFFER_BYTES = { least: 2.5 * 1_024 * 1_024, most: 4 * 1_024 * 1_024 };
const READ_AHEAD_BYTES = 256 * 1_024;
const BINARY = { keyEncoding: 'view', valueEncoding: 'view' } as const;

type Database = Level<Uint8Array, Uint8Array>;
type DatabaseSnapshot = ReturnType<Database['snapshot']>;

/** A directory with one LevelDB database, the guard file and the file of an incoming snapshot. */
export class LevelDisk implements StoreDisk {
  constructor(readonly directory: string) {}

  async open(): Promise<OpenDisk> {
    try {
      return await this.#open();
    } catch (error) {
      throw error instanceof DomainError ? error : (unusable(this.directory, error) ?? error);
    }
  }

  async #open(): Promise<OpenDisk> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const verdict = await readIfThere(this.#verdictPath);
    if (verdict !== '') throw new DamagedLogError(this.directory, verdict.trim());
    const databasePath = join(this.directory, 'db');
    // Before the database is made: it begins to open by itself, and LevelDB then deletes old tables.
    const damaged = await damagedTables(databasePath);
    const database = new Level<Uint8Array, Uint8Array>(databasePath, {
      ...BINARY,
      compression: false,
      writeBufferSize: randomInt(WRITE_BUFFER_BYTES.least, WRITE_BUFFER_BYTES.most),
    });
    await this.#openDatabase(database);
    const lost = damagedInUse(damaged, tablesOf(database));
    if (lost !== null) {
      await database.close();
      throw await this.#condemn(`table file ${lost} is damaged`);
    }
    const guard = await FileGuardDevice.open(join(this.directory, 'guard'));
    const staging = await openStagingFile(join(this.directory, 'incoming.snapshot'));
    const isolatedPath = join(this.directory, 'isolated');
    const isolation = await readIfThere(isolatedPath);
    return {
      backend: new LevelBackend(database),
      guard,
      staging,
      openReserve: (onError) =>
        DiskReserve.open({ path: join(this.directory, RESERVE_FILE), onError }),
      reportedLoss: await reportedLossOf(databasePath),
      condemn: async (finding) => {
        await this.#condemn(finding);
      },
      isolation: isolation === '' ? null : isolation.trim(),
      isolate: (finding) => writeFile(isolatedPath, `${finding}\n`, { flush: true }),
      close: async () => {
        await database.close();
        await guard.close();
        await staging.close();
      },
    };
  }

  get #verdictPath(): string {
    return join(this.directory, 'damaged');
  }

  /** LevelDB's own repairs may cover the traces, so what was found once stays written down. */
  async #condemn(finding: string, cause?: unknown): Promise<DamagedLogError> {
    await writeFile(this.#verdictPath, `${finding}\n`, { flush: true });
    return new DamagedLogError(this.directory, finding, { cause });
  }

  async #openDatabase(database: Database): Promise<void> {
    try {
      await database.open();
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (codeOf(cause) === 'LEVEL_LOCKED') {
        throw new DirectoryInUseError(this.directory, { cause });
      }
      const refused = unusable(this.directory, error);
      if (refused !== null) throw refused;
      throw await this.#condemn(messageOf(cause ?? error), error);
    }
  }
}

/** In Node `Level` is a ClassicLevel, which has this; its type is that of all platforms. */
function tablesOf(database: object): string {
  assert(hasProperties(database), 'LevelDB tells which table files it uses');
  return database.getProperty('leveldb.sstables');
}

function hasProperties(database: object): database is { getProperty(name: string): string } {
  return 'getProperty' in database && typeof database.getProperty === 'function';
}

class LevelBackend implements Backend {
  constructor(private readonly database: Database) {}

  /** A chained batch: three times as fast as an array of operations at 256 of them. */
  async batch(
    operations: readonly BackendOperation[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    const batch = this.database.batch();
    for (const operation of operations) {
      if (operation.type === 'put') batch.put(operation.key, operation.value);
      else batch.del(operation.key);
    }
    await batch.write(options);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.database.get(key);
  }

  iterator(options: IteratorOptions): BackendIterator {
    const { snapshot, ...range } = options;
    const frozen = snapshot instanceof LevelSnapshot ? { snapshot: snapshot.inner } : {};
    return this.database.iterator({
      gte: range.gte,
      lt: range.lt,
      reverse: range.reverse ?? false,
      limit: range.limit ?? -1,
      values: !(range.keysOnly ?? false),
      highWaterMarkBytes: READ_AHEAD_BYTES,
      ...frozen,
    });
  }

  snapshot(): BackendSnapshot {
    return new LevelSnapshot(this.database.snapshot());
  }
}

class LevelSnapshot implements BackendSnapshot {
  constructor(readonly inner: DatabaseSnapshot) {}

  close(): Promise<void> {
    return this.inner.close();
  }
}
