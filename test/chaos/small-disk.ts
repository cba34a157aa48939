import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '#libs/process';

const COMMAND_TIMEOUT_MS = 30_000;
/** Room for an instance, a copy aside and its WAL; the file below it is sparse. */
const SIZE = '1200M';
const BALLAST = 'ballast';

/** A file system of its own in a file, so that filling it fills nobody else's. */
export class SmallDisk {
  constructor(
    readonly mountPoint: string,
    readonly image: string,
  ) {}

  async mount(): Promise<void> {
    await tool('truncate', '-s', SIZE, this.image);
    await tool('mkfs.ext4', '-q', '-m', '0', this.image);
    mkdirSync(this.mountPoint, { mode: 0o755, recursive: true });
    await tool('mount', '-o', 'loop', this.image, this.mountPoint);
  }

  /** Not one block is left. */
  async fill(): Promise<void> {
    const { bavail, bsize } = statfsSync(this.mountPoint);
    const ballast = join(this.mountPoint, BALLAST);
    await tool('fallocate', '-l', String(bavail * bsize), ballast);
    // What the blocks of its own extent tree left over.
    await run(['dd', 'if=/dev/zero', `of=${ballast}.rest`, 'bs=4096'], {
      timeoutMs: COMMAND_TIMEOUT_MS,
      acceptExitCodes: [0, 1],
    });
  }

  free(): void {
    for (const name of [BALLAST, `${BALLAST}.rest`]) {
      rmSync(join(this.mountPoint, name), { force: true });
    }
  }

  async remove(): Promise<void> {
    await run(['umount', this.mountPoint], {
      timeoutMs: COMMAND_TIMEOUT_MS,
      acceptExitCodes: [0, 1, 32],
    });
    rmSync(this.image, { force: true });
  }
}

async function tool(...argv: string[]): Promise<void> {
  await run(argv, { timeoutMs: COMMAND_TIMEOUT_MS });
}
