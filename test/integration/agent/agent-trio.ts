import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { epochMs } from '#libs/kernel';
import { osUser } from '#libs/process';
import { createAuthority } from '#libs/transport';
import { until } from '../until.ts';
import { AgentHost, type MoreConfig } from './agent-host.ts';
import { LoneLeader } from './lone-leader.ts';
import { ProgramBundle } from './program-bundle.ts';

export const BOOT_LIMIT_MS = 90_000;

/** Three agents with their guards and PostgreSQL, and one controller without peers. */
export class AgentTrio {
  private constructor(
    readonly programs: ProgramBundle,
    readonly root: string,
    readonly leader: LoneLeader,
    readonly hosts: readonly AgentHost[],
  ) {}

  static async create(more: (name: string) => MoreConfig | undefined = () => undefined) {
    const programs = await ProgramBundle.create();
    const root = mkdtempSync(join(tmpdir(), 'matriarch-agent-'));
    chmodSync(root, 0o755);
    const now = epochMs(Date.now());
    const authority = await createAuthority({ directory: join(root, 'ca'), now });
    const { uid, gid } = osUser('postgres');
    chownSync(join(root, 'ca'), uid, gid);
    const leader = await LoneLeader.listen(authority, 'orders', {
      superuser: { username: 'postgres', password: 'super secret' },
      replication: { username: 'replicator', password: 'r: secret' },
      rewind: { username: 'rewinder', password: 'w\\secret' },
    });
    const hosts = await Promise.all(
      ['pg1', 'pg2', 'pg3'].map((name) =>
        AgentHost.create(root, name, authority, leader.port, more(name)),
      ),
    );
    return new AgentTrio(programs, root, leader, hosts);
  }

  /** Starts all agents, and waits until two standbys stream. */
  async bootstrap(
    postgres: Partial<Parameters<LoneLeader['create']>[0]>,
    settings: Parameters<LoneLeader['create']>[1] = {},
  ): Promise<void> {
    const definition = {
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: { shared_buffers: '16MB' },
      pgHba: ['host all all 127.0.0.1/32 scram-sha-256'],
      ...postgres,
    };
    this.leader.create(definition, settings);
    for (const host of this.hosts) host.startAgent(this.programs.agent);
    await this.streaming(2);
  }

  get holder(): string | null {
    const lease = this.leader.state?.lease;
    return lease?.kind === 'Held' && lease.serving ? lease.holder : null;
  }

  get primary(): AgentHost {
    return this.host(this.holder ?? 'nobody');
  }

  get standbys(): readonly AgentHost[] {
    return this.hosts.filter(({ name }) => name !== this.holder);
  }

  host(name: string): AgentHost {
    const host = this.hosts.find((each) => each.name === name);
    if (host === undefined) throw new Error(`there is no ${name}`);
    return host;
  }

  /** As PostgreSQL itself says, on whatever instance. */
  async sql<Row extends object>(host: AgentHost, text: string): Promise<Row[]> {
    const client: Client = await host.client();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** Until `name` serves; what happened instead is in the error. */
  async untilPrimary(name: string): Promise<void> {
    await until(() => this.holder === name, BOOT_LIMIT_MS, 20).catch((cause: unknown) => {
      throw new Error(`${name} never serves: ${this.#told()}`, { cause });
    });
  }

  /** What happened, and what each instance and the leader say of it. */
  #told(): string {
    const happened = this.leader.events.slice(-12).map(({ event }) => event);
    const problems = this.hosts.map((host) => {
      const { problem = 'no report', tags } = this.leader.report(host.name) ?? {};
      return { name: host.name, problem, tags };
    });
    const seen = { serves: this.holder, happened, problems, turnedDown: this.leader.problems };
    return JSON.stringify(seen, (_key, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
  }

  /**
   * Until this many standbys stream, asked of PostgreSQL and not of a report, and no copy is being made any
   * more: a base backup streams WAL as well, and its instance is a candidate only when it was verified.
   */
  async streaming(count: number): Promise<void> {
    const query =
      "SELECT count(*)::int AS n FROM pg_stat_replication WHERE state = 'streaming' AND application_name <> 'pg_basebackup'";
    await until(
      async () => {
        if (this.holder === null) return false;
        if (Object.keys(this.leader.state?.rebuilds ?? {}).length > 0) return false;
        const rows = await this.sql<{ n: number }>(this.primary, query).catch(() => []);
        return rows[0]?.n === count;
      },
      BOOT_LIMIT_MS,
      100,
    ).catch((cause: unknown) => {
      throw new Error(`${count} standbys never stream: ${this.#told()}`, { cause });
    });
  }

  /** Until PostgreSQL on `host` answers `text` with true; while it does not answer, not yet. */
  async holds(host: () => AgentHost, text: string, limitMs = BOOT_LIMIT_MS): Promise<void> {
    await until(
      async () => {
        const [row] = await this.sql<{ holds: boolean }>(host(), text).catch(() => []);
        return row?.holds === true;
      },
      limitMs,
      100,
    ).catch((cause: unknown) => {
      throw new Error(`${host().name} never says so: ${text}`, { cause });
    });
  }

  async remove(): Promise<void> {
    for (const host of this.hosts) await host.end();
    await this.leader.close();
    this.programs.remove();
    if (process.env['KEEP_TEST_FILES'] === undefined) {
      rmSync(this.root, { recursive: true, force: true });
    }
  }
}
