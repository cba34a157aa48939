import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { postgresOsUser } from '../../../apps/cli/src/demo/directories.ts';
import { SupervisedProcess } from '../../../apps/cli/src/demo/supervised-process.ts';
import type { HostNetwork } from '../../../test/hosts/host-network.ts';
import { inNetworkOf } from '../../../test/hosts/namespaces.ts';

const NEVER_MS = 2 ** 31 - 1;
const user = postgresOsUser();

/** What the processes of a peer on one host are started with, as PostgreSQL's user. */
export class PeerHost {
  readonly directory: string;
  readonly address: string;
  readonly #prefix: readonly string[];

  constructor(
    network: HostNetwork,
    readonly name: string,
    above: string,
  ) {
    const host = network.host(name);
    this.address = host.address;
    this.directory = join(above, name);
    mkdirSync(this.directory, { mode: 0o700, recursive: true });
    chownSync(this.directory, user.uid, user.gid);
    const as = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
    this.#prefix = [...inNetworkOf(host), 'setpriv', ...as];
  }

  /** Runs on this host as PostgreSQL's user. */
  argv(...argv: string[]): string[] {
    return [...this.#prefix, ...argv];
  }

  /** Started once: what dies stays dead, as under Patroni's own unit (`Restart=no`). */
  process(name: string, argv: readonly string[]): SupervisedProcess {
    const logFile = join(this.directory, `${name}.log`);
    const process = new SupervisedProcess({ name, argv, logFile, restartPauseMs: NEVER_MS });
    process.start();
    process.hold();
    return process;
  }

  own(path: string): string {
    chownSync(path, user.uid, user.gid);
    return path;
  }
}
