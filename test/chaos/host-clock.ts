import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostPlan } from '../../apps/cli/src/demo/plan.ts';
import { shortDirectory } from '../hosts/six-hosts.ts';

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

/**
 * The wall clock of each host, by libfaketime: read from a file that a strike rewrites. Monotonic
 * clocks stay true, as they do when an administrator or NTP sets the time.
 */
export class HostClocks {
  readonly #directory = shortDirectory();

  constructor(hosts: readonly string[]) {
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
  }

  #file(host: string): string {
    return join(this.#directory, `clock-${host}`);
  }
}
