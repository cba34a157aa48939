import { type ChildProcess, spawn } from 'node:child_process';
import { run } from '#libs/process';
import { SmallDisk } from '../../chaos/small-disk.ts';

const COMMAND_TIMEOUT_MS = 30_000;
/** A test that is killed leaves nobody waiting for a frozen disk for longer. */
const THAWED_AT_LATEST_S = 120;

/**
 * A file system of its own that can be made to hang: writes and syncs neither end nor fail, not even
 * for SIGKILL, until it is thawed.
 */
export class HangingDisk {
  readonly #disk: SmallDisk;
  #thawsAnyway: ChildProcess | null = null;

  constructor(private readonly mountPoint: string) {
    this.#disk = new SmallDisk(mountPoint, `${mountPoint}.image`);
  }

  async mount(): Promise<void> {
    await this.#disk.mount();
  }

  async hang(): Promise<void> {
    const script = `sleep ${THAWED_AT_LATEST_S}; exec fsfreeze --unfreeze "$0"`;
    this.#thawsAnyway = spawn('sh', ['-c', script, this.mountPoint], {
      detached: true,
      stdio: 'ignore',
    });
    await run(['fsfreeze', '--freeze', this.mountPoint], { timeoutMs: COMMAND_TIMEOUT_MS });
  }

  async goOn(): Promise<void> {
    const { pid } = this.#thawsAnyway ?? {};
    if (pid === undefined) return;
    await run(['fsfreeze', '--unfreeze', this.mountPoint], { timeoutMs: COMMAND_TIMEOUT_MS });
    process.kill(-pid, 'SIGKILL');
    this.#thawsAnyway = null;
  }

  async unmount(): Promise<void> {
    await this.goOn();
    await this.#disk.unmount();
  }
}
