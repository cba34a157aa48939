import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '#libs/kernel';

/** Bytes of the files below a directory; what vanishes meanwhile counts as nothing. Links are not followed. */
export async function directoryBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    bytes += entry.isDirectory() ? await directoryBytes(path) : await fileBytes(path);
  }
  return bytes;
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    // What we may not enter is not ours: `lost+found` of a mount point.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(error) ?? '')) return [];
    throw error;
  }
}

async function fileBytes(path: string): Promise<number> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

const INTERVAL_MS = 1_000;

/** Tells how much there is in some directories, again and again, for tools that do not say it themselves. */
export class SizeWatch {
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly directories: readonly string[],
    readonly onBytes: (bytes: number) => void,
  ) {
    this.#again();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #again(): void {
    this.#timer = setTimeout(() => void this.#measure(), INTERVAL_MS);
  }

  async #measure(): Promise<void> {
    const sizes = await Promise.allSettled(this.directories.map(directoryBytes));
    if (this.#stopped) return;
    const known = sizes.map((size) => (size.status === 'fulfilled' ? size.value : 0));
    this.onBytes(known.reduce((sum, bytes) => sum + bytes, 0));
    this.#again();
  }
}
