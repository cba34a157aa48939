import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DivergedWal } from '#libs/cluster';
import { codeOf, formatLsn, lsnOf, parseLsn } from '#libs/kernel';
import { writeFileDurably } from '#libs/process';

/** Older ones go when there are more: evidence must not fill the disk of the database. */
const KEPT_MAX = 5;
const SUMMARY = 'summary.json';

/** `<stateDirectory>/lost/<time>`: WAL that was written alone, one directory a rewind. */
export class LostWalDirectory {
  constructor(readonly stateDirectory: string) {}

  /** A new directory; the oldest ones beyond the limit are removed. */
  make(keptAt: number): string {
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    const name = new Date(keptAt).toISOString().replaceAll(':', '');
    const path = join(this.#root, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    for (const old of this.#names().slice(0, -KEPT_MAX)) {
      rmSync(join(this.#root, old), { recursive: true, force: true });
    }
    return path;
  }

  complete(wal: DivergedWal): void {
    const text = JSON.stringify(wal, (_key, value: unknown) => shown(value), 2);
    writeFileDurably(join(wal.path, SUMMARY), `${text}\n`);
  }

  /** The newest that is complete; null when there is none. */
  newest(): DivergedWal | null {
    for (const name of this.#names().toReversed()) {
      try {
        const text = readFileSync(join(this.#root, name, SUMMARY), 'utf8');
        return JSON.parse(text, (key, value: unknown) => read(key, value)) as DivergedWal;
      } catch {
        // A keeping that was broken off has no summary.
      }
    }
    return null;
  }

  #names(): string[] {
    try {
      return readdirSync(this.#root).sort();
    } catch (error) {
      // Made with the first rewind that finds something to keep.
      if (codeOf(error) !== 'ENOENT') throw error;
      return [];
    }
  }

  get #root(): string {
    return join(this.stateDirectory, 'lost');
  }
}

/** Positions as PostgreSQL writes them: the file is for people too. */
function shown(value: unknown): unknown {
  return typeof value === 'bigint' ? formatLsn(lsnOf(value)) : value;
}

function read(key: string, value: unknown): unknown {
  return key === 'lsn' && typeof value === 'string' ? parseLsn(value) : value;
}
