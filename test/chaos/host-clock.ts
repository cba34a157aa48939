import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostPlan } from '../../apps/cli/src/demo/plan.ts';
import { shortDirectory } from '../hosts/six-hosts.ts';

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

const SHARED_MEMORY = '/dev/shm';
/** Named after the process that made it. */
const SHARED_CLOCK = /^(?:faketime_shm|sem\.faketime_sem)_(\d+)$/;

/**
 * The wall clock of each host, by libfaketime: read from a file that a strike rewrites. Monotonic
 * clocks stay true, as they do when an administrator or NTP sets the time.
 */
export class HostClocks {
  readonly #directory = shortDirectory();

  constructor(hosts: readonly string[]) {
    forgetClocksOfTheDead();
    for (const host of hosts) this.set(host, 0);
  }

  static available(): boolean {
    return existsSync(LIBRARY);
  }

  environmentOf(host: HostPlan): NodeJS.ProcessEnv {
    return {
      ...process.env,
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file(host.name),
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
    };
  }

  /** Against the true time; processes notice within a second. */
  set(host: string, seconds: number): void {
    const file = this.#file(host);
    writeFileSync(`${file}.new`, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`, {
      mode: 0o644,
    });
    renameSync(`${file}.new`, file);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true });
    forgetClocksOfTheDead();
  }

  #file(host: string): string {
    return join(this.#directory, `clock-${host}`);
  }
}

/**
 * A killed process leaves its shared clock behind, and a later process of the same id but another user
 * cannot start with it.
 */
function forgetClocksOfTheDead(): void {
  for (const name of readdirSync(SHARED_MEMORY)) {
    const pid = SHARED_CLOCK.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    rmSync(join(SHARED_MEMORY, name), { force: true });
  }
}
