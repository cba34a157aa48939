import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterEvent, PostgresDefinition, RebuildMethod, Remote } from '#libs/cluster';
import { epochMs, instanceName } from '#libs/kernel';
import { osUser } from '#libs/process';
import { createAuthority } from '#libs/transport';
import { AgentHost } from '../agent/agent-host.ts';
import { LoneLeader } from '../agent/lone-leader.ts';
import { ProgramBundle } from '../agent/program-bundle.ts';
import { until } from '../until.ts';
import { BackupSite } from './backup-site.ts';

const USER = osUser('postgres');
const BOOT_LIMIT_MS = 60_000;
const STREAM_LIMIT_MS = 90_000;
const password = 'super secret';
export const passwords = {
  superuser: { username: 'postgres', password },
  replication: { username: 'replicator', password: 'r: secret' },
  rewind: { username: 'rewinder', password: 'w\\secret' },
};

export type RigOptions = {
  /** The agent's script as it was built; without it one is bundled from the sources. */
  readonly agentScript?: string;
  /** pg1 and pg2 without it. */
  readonly names?: readonly string[];
  readonly definition?: Partial<PostgresDefinition>;
  /** The agent's `backup` section and what else its file says, by the rig's directory and host. */
  readonly config?: (directory: string, name: string) => Record<string, unknown>;
  readonly postgres?: (directory: string, name: string) => Record<string, unknown>;
};

/** Instances with real agents, guards and backup tools, and one controller in memory. */
export class RebuildRig extends BackupSite {
  leader!: LoneLeader;
  hosts: readonly AgentHost[] = [];

  private constructor(
    readonly directory: string,
    readonly programs: Pick<ProgramBundle, 'agent' | 'remove'>,
    readonly options: RigOptions,
  ) {
    super();
  }

  static async create(options: RigOptions = {}): Promise<RebuildRig> {
    const directory = mkdtempSync(join(tmpdir(), 'mtr-'));
    chmodSync(directory, 0o755);
    const { agentScript } = options;
    const built =
      agentScript === undefined ? null : { agent: agentScript, remove: () => undefined };
    const rig = new RebuildRig(directory, built ?? (await ProgramBundle.create()), options);
    const now = epochMs(Date.now());
    const authority = await createAuthority({ directory: join(directory, 'ca'), now });
    chownSync(join(directory, 'ca'), USER.uid, USER.gid);
    rig.leader = await LoneLeader.listen(authority, 'orders', passwords);
    rig.hosts = await Promise.all(
      (options.names ?? ['pg1', 'pg2']).map((name) =>
        AgentHost.create(directory, name, authority, rig.leader.port, {
          agent: options.config?.(directory, name) ?? {},
          postgres: options.postgres?.(directory, name) ?? {},
        }),
      ),
    );
    return rig;
  }

  /**
   * @param more what is known only now that there are directories
   * @param standbyOf the cluster follows it
   */
  async start(more: Partial<PostgresDefinition> = {}, standbyOf?: Remote): Promise<void> {
    for (const host of this.hosts) host.startAgent(this.programs.agent);
    await until(() => this.hosts.every(({ name }) => this.leader.report(name)), BOOT_LIMIT_MS);
    const definition = {
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: { shared_buffers: '16MB', max_connections: '30' },
      pgHba: [
        'local all all trust',
        'local replication all trust',
        'host all all 127.0.0.1/32 scram-sha-256',
      ],
      ...this.options.definition,
      ...more,
    };
    this.leader.create(definition, {}, standbyOf);
  }

  get primary(): AgentHost {
    const lease = this.leader.state?.lease;
    const holder = lease?.kind === 'Held' && lease.serving ? lease.holder : null;
    const host = this.hosts.find(({ name }) => name === holder);
    if (host === undefined) throw new Error('there is no primary');
    return host;
  }

  get standby(): AgentHost {
    const host = this.hosts.find(({ name }) => name !== this.primary.name);
    if (host === undefined) throw new Error('there is no standby');
    return host;
  }

  async streaming(limitMs = STREAM_LIMIT_MS): Promise<void> {
    await until(() => {
      const { state } = this.leader;
      if (state?.lease.kind !== 'Held' || !state.lease.serving) return false;
      if (Object.keys(state.rebuilds ?? {}).length > 0) return false;
      const postgres = this.leader.report(state.lease.holder)?.postgres;
      return (
        postgres?.kind === 'primary' && postgres.standbys.some((one) => one.state === 'streaming')
      );
    }, limitMs).catch((cause: unknown) => {
      throw new Error(this.said(), { cause });
    });
  }

  /** Orders a rebuild; returns the sequence before it. */
  order(instance: string, method: RebuildMethod | null, force = false): number {
    const before = this.leader.events.length;
    const command = {
      type: 'rebuild',
      instance: instanceName(instance),
      method,
      from: null,
      force,
    } as const;
    const verdict = this.leader.command(command);
    if (verdict.kind !== 'decided') throw new Error(JSON.stringify(verdict));
    return before;
  }

  /** The first event of a kind after `sequence`. */
  async event<T extends ClusterEvent['type']>(
    type: T,
    after: number,
    limitMs = STREAM_LIMIT_MS,
  ): Promise<Extract<ClusterEvent, { type: T }>> {
    const found = await until(
      () => this.leader.events.slice(after).find(({ event }) => event.type === type),
      limitMs,
    ).catch((cause: unknown) => {
      throw new Error(`no ${type}: ${this.said()}`, { cause });
    });
    return found.event as Extract<ClusterEvent, { type: T }>;
  }

  said(): string {
    const events = this.leader.events.slice(-12).map(({ event }) => JSON.stringify(event, plain));
    const reports = this.hosts.map(({ name }) => {
      const report = this.leader.report(name);
      return JSON.stringify({ name, problem: report?.problem, rebuild: report?.rebuild }, plain);
    });
    return [...events, ...reports].join('\n');
  }

  async remove(): Promise<void> {
    for (const host of this.hosts) await host.end();
    await this.leader.close();
    this.programs.remove();
    if (process.env['KEEP_TEST_FILES'] === undefined) {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
