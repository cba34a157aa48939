import type { Credentials, DatabaseHost } from '#libs/outage';
import { HostWatch } from '#libs/outage';
import { postmasterPid } from '../../../apps/cli/src/demo/instance-processes.ts';
import { until } from '../../../apps/cli/src/demo/until.ts';
import type { HostNetwork } from '../../../test/hosts/host-network.ts';
import type { Fault, Mode, SystemName } from '../fault.ts';

/** What runs on a database host and decides for PostgreSQL there. */
export type ManagerProcess = 'manager' | 'guard';

/** One system that keeps PostgreSQL available, on hosts n1 to n3 and e1 to e3 of a network. */
export abstract class SystemUnderTest {
  abstract readonly system: SystemName;
  abstract readonly mode: Mode;
  /** How often its managers renew, or look: a fault comes at any moment in between. */
  abstract readonly beatMs: number;
  /** Named as the hosts of the network. */
  abstract readonly databases: readonly DatabaseHost[];
  abstract readonly credentials: Credentials;
  /** Faults that mean something for this system. */
  abstract readonly faults: readonly Fault[];

  constructor(readonly network: HostNetwork) {}

  /** From empty directories; resolves when every process was started. */
  abstract start(): Promise<void>;
  /** Orderly where that is needed to leave nothing behind; the network ends the rest. */
  abstract stop(): Promise<void>;
  /** What was killed on the host stays down until `startAgain`. */
  abstract holdDown(host: string): void;
  abstract startAgain(host: string): Promise<void>;
  abstract switchover(primary: string): Promise<void>;
  /** The host of the process that leads the consensus store (of pg_auto_failover: the monitor). */
  abstract leaderHost(): Promise<string>;
  /** Kills the leading process alone. */
  abstract killLeader(): Promise<string>;
  abstract pidOf(what: ManagerProcess, host: string): number | null;
  abstract dataDirectory(host: string): string;
  /** What of its own the system recorded about the last outage. */
  abstract phasesMs(): Promise<Readonly<Record<string, number>> | null>;
  /** More than PostgreSQL itself says; null when nothing is wrong. */
  abstract trouble(primary: string): Promise<string | null>;

  postmasterPid(host: string): number | null {
    return postmasterPid({ dataDirectory: this.dataDirectory(host) });
  }

  /** @returns the host that takes writes, once this many standbys stream from it */
  async untilStreaming(standbys: number, limitMs: number): Promise<string> {
    const what = `${this.system}: a primary with ${standbys} streaming standbys`;
    const watch = new HostWatch(this.databases, this.credentials);
    try {
      return await until(what, { limitMs }, async () => {
        const { primary, streamingStandbys, hosts } = await watch.look();
        if (primary === null || streamingStandbys < standbys)
          return { instead: JSON.stringify(hosts) };
        const trouble = await this.trouble(primary);
        return trouble === null ? { value: primary } : { instead: trouble };
      });
    } finally {
      watch.close();
    }
  }
}
