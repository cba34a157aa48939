import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '#libs/process';

const COMMAND_TIMEOUT_MS = 30_000;
/** Room for an instance, a copy aside and its WAL; the file below it is sparse. */
const SIZE = '1200M';
const BALLAST = 'ballast';
const WHOLLY = [0];
const EVEN_IN_PART = [0, 1];
const EVEN_IF_GONE = [0, 1, 32];

/** A file system of its own in a file, so that filling it fills nobody else's. */
export class SmallDisk {
  constructor(
    readonly mountPoint: string,
    readonly image: string,
  ) {}

  async mount(): Promise<void> {
    await tool(WHOLLY, 'truncate', '-s', SIZE, this.image);
    await tool(WHOLLY, 'mkfs.ext4', '-q', '-m', '0', this.image);
    mkdirSync(this.mountPoint, { mode: 0o755, recursive: true });
    await tool(WHOLLY, 'mount', '-o', 'loop', this.image, this.mountPoint);
  }

  /** Not one block is left. */
  async fill(): Promise<void> {
    const { bavail, bsize } = statfsSync(this.mountPoint);
    const ballast = join(this.mountPoint, BALLAST);
    // PostgreSQL may take blocks meanwhile: what is left after this is taken one by one.
    await tool(EVEN_IN_PART, 'fallocate', '-l', String(bavail * bsize), ballast);
    await tool(EVEN_IN_PART, 'dd', 'if=/dev/zero', `of=${ballast}.rest`, 'bs=4096');
  }

  free(): void {
    for (const name of [BALLAST, `${BALLAST}.rest`]) {
      rmSync(join(this.mountPoint, name), { force: true });
    }
  }

  /** The image stays: it lies in the directory of the run. */
  async unmount(): Promise<void> {
    await tool(EVEN_IF_GONE, 'umount', this.mountPoint);
  }
}

async function tool(acceptExitCodes: readonly number[], ...argv: string[]): Promise<void> {
  await run(argv, { timeoutMs: COMMAND_TIMEOUT_MS, acceptExitCodes });
}
