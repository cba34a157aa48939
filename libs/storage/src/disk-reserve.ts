import { randomBytes } from 'node:crypto';
import { type FileHandle, open, statfs } from 'node:fs/promises';
import { codeOf } from '#libs/kernel';
import type { SpaceReserve } from './disk.ts';

const MIB = 1_024 * 1_024;

/** Its name in the directory of a controller. */
export const RESERVE_FILE = 'reserve';

export type ReserveSizes = {
  readonly reserveBytes: number;
  /** With less than this available the reserve is let go. */
  readonly lowBytes: number;
  /** With more than this it is built up again; beyond low and reserve together, or it would swing. */
  readonly ampleBytes: number;
};

/** From here on everything is taken again. */
export const DISK_AMPLE_BYTES = 48 * MIB;

/** A table of LevelDB and its log have 8 MiB each: both fit, with thousands of commands. */
const SIZES: ReserveSizes = {
  reserveBytes: 16 * MIB,
  lowBytes: 16 * MIB,
  ampleBytes: DISK_AMPLE_BYTES,
};

/** So much is added at one look, so that building it up never delays a synced write for long. */
const STEP_BYTES = MIB;
const LOOK_INTERVAL_MS = 1_000;

export type ReserveOptions = {
  readonly path: string;
  readonly onError: (error: unknown) => void;
  readonly sizes?: ReserveSizes;
  /** Of the file system, for this user; asked of it when left out. */
  readonly availableBytes?: () => Promise<number>;
};

/**
 * A file of random bytes that is cut to nothing when the disk is nearly full, so that leases, failovers
 * and deletes can still be written while growth is refused.
 */
export class DiskReserve implements SpaceReserve {
  readonly #file: FileHandle;
  readonly #options: ReserveOptions;
  readonly #timer: NodeJS.Timeout;
  #keptBytes: number;
  #nearlyFull = false;
  #availableBytes: number | null = null;
  #looking: Promise<void> | null = null;

  private constructor(file: FileHandle, keptBytes: number, options: ReserveOptions) {
    this.#file = file;
    this.#keptBytes = keptBytes;
    this.#options = options;
    this.#timer = setInterval(() => {
      this.look().catch(options.onError);
    }, LOOK_INTERVAL_MS).unref();
  }

  static async open(options: ReserveOptions): Promise<DiskReserve> {
    const file = await open(options.path, 'a+', 0o600);
    const { size } = await file.stat();
    const reserve = new DiskReserve(file, size, options);
    await reserve.look();
    return reserve;
  }

  get nearlyFull(): boolean {
    return this.#nearlyFull;
  }

  get availableBytes(): number | null {
    return this.#availableBytes;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** One look at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#file.close();
  }

  async #look(): Promise<void> {
    const { availableBytes, path, sizes = SIZES } = this.#options;
    const available = await (availableBytes?.() ?? availableAt(path));
    this.#availableBytes = available;
    if (available < sizes.lowBytes) await this.#release();
    else if (available >= sizes.ampleBytes) this.#nearlyFull = false;
    if (!this.#nearlyFull && this.#keptBytes < sizes.reserveBytes) await this.#grow(sizes);
  }

  async #release(): Promise<void> {
    this.#nearlyFull = true;
    if (this.#keptBytes === 0) return;
    await this.#file.truncate(0);
    await this.#file.sync();
    this.#keptBytes = 0;
  }

  /** Random, because a file system may store zeros as nothing. */
  async #grow({ reserveBytes }: ReserveSizes): Promise<void> {
    const missingBytes = reserveBytes - this.#keptBytes;
    const piece = randomBytes(Math.min(STEP_BYTES, missingBytes));
    try {
      await this.#file.appendFile(piece);
      await this.#file.datasync();
      this.#keptBytes += piece.length;
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC' && codeOf(error) !== 'EDQUOT') throw error;
      this.#keptBytes = (await this.#file.stat()).size;
      await this.#release();
    }
  }
}

async function availableAt(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
