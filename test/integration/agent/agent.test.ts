import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochMs, instanceName } from '#libs/kernel';
import { findInstallation } from '#libs/postgres-run';
import { osUser } from '#libs/process';
import { createAuthority } from '#libs/transport';
import { signalAll } from '../../hosts/signal-all.ts';
import { until } from '../until.ts';
import { AgentHost } from './agent-host.ts';
import { LoneLeader } from './lone-leader.ts';
import { ProgramBundle } from './program-bundle.ts';
import { Rows } from './rows.ts';

const BOOT_LIMIT_MS = 30_000;
const FAILOVER_LIMIT_MS = 15_000;
/** The client of a machine that does much else sees such gaps with no fault at all. */
const SLOW_MACHINE_MS = 1_500;
/** The disk of one that is busy: at the usual limit a switchover is given up there, as it should be. */
const SLOW_DISK_STOP_MS = 2_000;
const password = 'super secret';

let programs: ProgramBundle;
let root: string;
let leader: LoneLeader;
let hosts: readonly AgentHost[];
let rows: Rows;

beforeAll(async () => {
  programs = await ProgramBundle.create();
  root = mkdtempSync(join(tmpdir(), 'matriarch-agent-'));
  chmodSync(root, 0o755);
  const authority = await createAuthority({
    directory: join(root, 'ca'),
    now: epochMs(Date.now()),
  });
  const { uid, gid } = osUser('postgres');
  chownSync(join(root, 'ca'), uid, gid);
  leader = await LoneLeader.listen(authority, 'orders', {
    superuser: { username: 'postgres', password },
    replication: { username: 'replicator', password: 'r: secret' },
    rewind: { username: 'rewinder', password: 'w\\secret' },
  });
  hosts = await Promise.all(
    ['pg1', 'pg2', 'pg3'].map((name) => AgentHost.create(root, name, authority, leader.port)),
  );
  rows = new Rows(() => hosts.find((host) => host.name === holder()) ?? null);
});

afterAll(async () => {
  await rows?.stop();
  for (const host of hosts ?? []) await host.end();
  await leader?.close();
  programs?.remove();
  if (process.env['KEEP_TEST_FILES'] === undefined) rmSync(root, { recursive: true, force: true });
});

function holder(): string | null {
  const lease = leader.state?.lease;
  return lease?.kind === 'Held' && lease.serving ? lease.holder : null;
}

function primary(): AgentHost {
  const host = hosts.find(({ name }) => name === holder());
  if (host === undefined) throw new Error('there is no primary');
  return host;
}

function standbysStreaming(): number {
  const report = leader.report(holder() ?? '');
  if (report?.postgres.kind !== 'primary') return 0;
  return report.postgres.standbys.filter(({ state }) => state === 'streaming').length;
}

/** Memory that is this process's own, plus its share of what others use too (corrections 13). */
function pssMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Math.round(Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1]) / 1_024);
}

async function settled(limitMs = FAILOVER_LIMIT_MS): Promise<void> {
  await until(() => {
    const rebuilds = Object.keys(leader.state?.rebuilds ?? {}).length;
    return holder() !== null && standbysStreaming() === 2 && rebuilds === 0;
  }, limitMs);
}

/** `settled` looks at the last reports, which may be older than a fault: PostgreSQL itself is what must be another one. */
async function runsAnew(host: AgentHost, before: number): Promise<void> {
  await until(() => ![null, before].includes(host.postmasterPid()), FAILOVER_LIMIT_MS);
}

async function settingOf(host: AgentHost, name: string): Promise<unknown> {
  const client = await host.client();
  try {
    const { rows: values } = await client.query(`SELECT current_setting('${name}') AS value`);
    return values[0].value;
  } finally {
    await client.end();
  }
}

/** The longest time without an acknowledged write around `fault`, which ends when all is well again. */
async function gapOf(fault: () => Promise<void> | void): Promise<number> {
  await settled();
  rows.begin();
  await until(() => rows.acknowledged > 20, 5_000);
  const before = rows.acknowledged;
  await fault();
  await until(() => rows.acknowledged > before + 5, FAILOVER_LIMIT_MS);
  await settled();
  const after = rows.acknowledged;
  await until(() => rows.acknowledged > after + 5, FAILOVER_LIMIT_MS);
  return rows.end();
}

describe('three agents with their guards, PostgreSQL, and one controller', () => {
  it('names the missing cluster and how to create it', async () => {
    for (const host of hosts) host.startAgent(programs.agent);
    await until(() => hosts.every(({ name }) => leader.report(name) !== null), BOOT_LIMIT_MS);
    await until(() => leader.report('pg1')?.problem?.includes('cluster create orders'), 2_000);
  });

  it('bootstraps: one is initialised, two are cloned and stream', async () => {
    const postgres = {
      ...{ superuser: 'postgres', replicationUser: 'replicator', rewindUser: 'rewinder' },
      parameters: { shared_buffers: '16MB', max_connections: '30' },
      pgHba: ['host all all 127.0.0.1/32 scram-sha-256'],
    };
    leader.create(postgres, { switchoverStopMs: SLOW_DISK_STOP_MS });
    const begunMs = performance.now();
    await settled(BOOT_LIMIT_MS);
    process.stderr.write(`bootstrap ${Math.round(performance.now() - begunMs)} ms\n`);
    expect(await primary().status('/primary')).toBe(200);
    const standby = hosts.find(({ name }) => name !== holder());
    expect(await standby?.status('/primary')).toBe(503);
    await until(async () => (await standby?.status('/replica?lag=64MB')) === 200, 3_000).catch(
      async (cause: unknown) => {
        throw new Error(`${await standby?.body('/patroni')}`, { cause });
      },
    );
    await rows.prepare();
  });

  it('keeps agent and guard small', () => {
    const host = primary();
    const agentMb = pssMb(host.agent?.pid ?? 0);
    const guardMb = pssMb(host.guardPid() ?? 0);
    process.stderr.write(`PSS: agent ${agentMb} MB, guard ${guardMb} MB\n`);
    expect(agentMb + guardMb).toBeLessThan(125);
  });

  it('an agent restart makes no gap and no event', async () => {
    const events = leader.events.length;
    const host = primary();
    const postmaster = host.postmasterPid();
    const gapMs = await gapOf(async () => {
      await host.stopAgent('SIGKILL');
      host.startAgent(programs.agent);
      await until(() => host.isReady(), BOOT_LIMIT_MS);
    });
    process.stderr.write(`agent killed: gap ${gapMs} ms\n`);
    expect(host.postmasterPid()).toBe(postmaster);
    expect(leader.events.length).toBe(events);
    expect(gapMs).toBeLessThan(SLOW_MACHINE_MS);
  });

  it('standbys call a primary that falls silent: frozen, PostgreSQL answers nobody (safety 19)', async () => {
    await settled();
    const host = primary();
    const others = hosts.filter(({ name }) => name !== host.name);
    const probesOf = (name: string) => leader.report(name)?.probes ?? null;
    rows.begin();
    await until(() => rows.acknowledged > 20, 5_000);
    const frozen = signalAll(
      host.processes.scan().processes.map(({ pid }) => pid),
      'SIGSTOP',
    );
    try {
      const silent = (name: string) => probesOf(name)?.postgresAnswered === false;
      // Nobody tells them here, and a call that was answered lately is followed by a rest of 4 s.
      await until(() => others.every(({ name }) => silent(name)), 7_000);
    } finally {
      signalAll(frozen, 'SIGCONT');
    }
    for (const { name } of others) {
      const alive = { primaryInstance: host.name, agentAnswered: true, guardAnswered: true };
      expect(probesOf(name)).toMatchObject({ ...alive, postgresAnswered: false });
    }
    await settled();
    await rows.end();
  });

  it('ends at SIGTERM and leaves guard and PostgreSQL running', async () => {
    const host = primary();
    const { agent } = host;
    const postmaster = host.postmasterPid();
    const gapMs = await gapOf(async () => {
      await host.stopAgent('SIGTERM');
      host.startAgent(programs.agent);
      await until(() => host.isReady(), BOOT_LIMIT_MS);
    });
    expect(agent?.exitCode).toBe(0);
    expect(host.postmasterPid()).toBe(postmaster);
    expect(gapMs).toBeLessThan(SLOW_MACHINE_MS);
  });

  it('a killed postmaster is restarted in place', async () => {
    const host = primary();
    const gapMs = await gapOf(async () => {
      const postmaster = host.postmasterPid() ?? 0;
      process.kill(postmaster, 'SIGKILL');
      await runsAnew(host, postmaster);
    });
    process.stderr.write(`postmaster killed: gap ${gapMs} ms\n`);
    expect(holder()).toBe(host.name);
    expect(await rows.lost()).toBe(0);
  });

  it('a killed guard: down at once, released, the next epoch on the same instance', async () => {
    const host = primary();
    const gapMs = await gapOf(async () => {
      const postmaster = host.postmasterPid() ?? 0;
      process.kill(host.guardPid() ?? 0, 'SIGKILL');
      await runsAnew(host, postmaster);
    });
    process.stderr.write(`guard killed: gap ${gapMs} ms\n`);
    expect(holder()).toBe(host.name);
    expect(await rows.lost()).toBe(0);
  });

  it('a stopped guard is killed by its agent', async () => {
    const host = primary();
    const gapMs = await gapOf(async () => {
      const postmaster = host.postmasterPid() ?? 0;
      process.kill(host.guardPid() ?? 0, 'SIGSTOP');
      await runsAnew(host, postmaster);
    });
    process.stderr.write(`guard stopped: gap ${gapMs} ms\n`);
    expect(await rows.lost()).toBe(0);
  });

  it('switches over', async () => {
    const from = primary();
    const to = hosts.find((host) => host !== from);
    const gapMs = await gapOf(async () => {
      // The target's receiver may only just be back from the fault before.
      const command = { type: 'switchover', to: instanceName(to?.name ?? '') } as const;
      await until(() => leader.command(command).kind === 'decided', FAILOVER_LIMIT_MS);
      await until(() => leader.state?.operation.kind === 'none', FAILOVER_LIMIT_MS);
    });
    process.stderr.write(`switchover: gap ${gapMs} ms\n`);
    expect(holder()).toBe(to?.name);
    expect(await rows.lost()).toBe(0);
    // They began a segment of the new timeline a moment ago, and the first commit may have waited for that.
    for (const standby of hosts.filter((host) => host !== to)) {
      expect(await settingOf(standby, 'wal_init_zero')).toBe('off');
    }
  });

  it('switches over although the receiver of another standby hangs (safety 22)', async () => {
    const [to, other] = hosts.filter((host) => host !== primary());
    const receiver = await until(() => other?.receiverPid() ?? null, FAILOVER_LIMIT_MS);
    process.kill(receiver, 'SIGSTOP');
    try {
      const command = { type: 'switchover', to: instanceName(to?.name ?? '') } as const;
      await until(() => leader.command(command).kind === 'decided', FAILOVER_LIMIT_MS);
      await until(() => leader.state?.operation.kind === 'none', FAILOVER_LIMIT_MS);
      expect(holder()).toBe(to?.name);
      expect(await rows.lost()).toBe(0);
    } finally {
      process.kill(receiver, 'SIGCONT');
    }
  });

  it('switches over beside a pg_receivewal, which seldom says what it has flushed (safety 22)', async () => {
    await settled();
    const from = primary();
    const archive = join(from.directory, 'received');
    mkdirSync(archive);
    const env = { ...process.env, PGPASSWORD: 'r: secret' };
    const argv = ['-D', archive, '-h', '127.0.0.1', '-p', String(from.port), '-U', 'replicator'];
    const { binDirectory } = await findInstallation();
    const binary = join(binDirectory, 'pg_receivewal');
    const receiver = spawn(binary, [...argv, '--no-loop'], { env, stdio: 'ignore' });
    const ended = new Promise((resolve) => receiver.once('exit', resolve));
    try {
      await until(() => readdirSync(archive).length > 0, FAILOVER_LIMIT_MS);
      const to = hosts.find((host) => host !== from);
      const command = { type: 'switchover', to: instanceName(to?.name ?? '') } as const;
      await until(() => leader.command(command).kind === 'decided', FAILOVER_LIMIT_MS);
      await until(() => leader.state?.operation.kind === 'none', FAILOVER_LIMIT_MS);
      expect(holder()).toBe(to?.name);
      expect(from.log()).toContain('"message":"walsenders that are behind are ended first"');
    } finally {
      receiver.kill('SIGKILL');
      await ended;
    }
  });

  it('switches over while every connection is taken, the reserved ones too', async () => {
    await settled();
    const from = primary();
    const [to] = hosts.filter((host) => host !== from);
    const clients: Client[] = [];
    const takeAll = async (): Promise<void> => {
      for (;;) {
        const client = await from.client();
        client.on('error', () => undefined);
        clients.push(client);
      }
    };
    await expect(takeAll()).rejects.toMatchObject({ code: '53300' });
    const command = { type: 'switchover', to: instanceName(to?.name ?? '') } as const;
    await until(() => leader.command(command).kind === 'decided', FAILOVER_LIMIT_MS);
    await until(() => leader.state?.operation.kind === 'none', FAILOVER_LIMIT_MS);
    for (const client of clients) await client.end().catch(() => undefined);
    expect(holder()).toBe(to?.name);
    expect(from.log()).toContain('"message":"checkpoint over the connection of the steps"');
    expect(from.log()).not.toContain('"message":"no checkpoint before the stop"');
  });

  it('hands over by itself when its host is shut down, then stops PostgreSQL', async () => {
    await settled();
    const from = primary();
    from.configure({ onTerminate: 'handOver' });
    await from.stopAgent('SIGTERM');
    from.startAgent(programs.agent);
    await until(() => from.isReady(), BOOT_LIMIT_MS);
    await settled();
    const { agent } = from;
    const events = leader.events.length;
    rows.begin();
    await until(() => rows.acknowledged > 20, 5_000);
    await from.stopAgent('SIGTERM');
    expect(agent?.exitCode).toBe(0);
    expect(holder()).not.toBe(from.name);
    expect(from.processes.scan().processes).toEqual([]);
    const after = rows.acknowledged;
    await until(() => rows.acknowledged > after + 5, FAILOVER_LIMIT_MS);
    process.stderr.write(`host shut down: gap ${await rows.end()} ms\n`);
    const types = leader.events.slice(events).map(({ event }) => event.type);
    expect(types).toContain('SwitchoverCompleted');
    expect(types).not.toContain('FailoverStarted');
    from.startAgent(programs.agent);
    await settled(BOOT_LIMIT_MS);
    expect(await rows.lost()).toBe(0);
  });

  it('fails over when a host is lost, and takes the old primary back, rewound', async () => {
    const lost = primary();
    // Nobody knows how far it was: the others must have been seen to stream until then (safety 18).
    leader.knowsPosition = false;
    const gapMs = await gapOf(async () => {
      await lost.stopAgent('SIGKILL');
      process.kill(lost.guardPid() ?? 0, 'SIGKILL');
      await until(() => holder() !== null && holder() !== lost.name, FAILOVER_LIMIT_MS);
      lost.startAgent(programs.agent);
    });
    leader.knowsPosition = true;
    process.stderr.write(`host lost: gap ${gapMs} ms\n`);
    expect(holder()).not.toBe(lost.name);
  });

  it('rewinds an old primary that wrote what no standby received', async () => {
    await settled();
    const lost = primary();
    const senders = await until(() => {
      const seen = lost.processes.scan().processes.filter(({ title }) => /walsender/.test(title));
      return seen.length === 2 && seen;
    }, 5_000);
    // Asynchronous replication may have lost the newest row of an earlier failover.
    const lostEarlier = await rows.lost();
    for (const { pid } of senders) process.kill(pid, 'SIGSTOP');
    rows.begin();
    const before = rows.acknowledged;
    await until(() => rows.acknowledged > before + 20, 5_000);
    await lost.stopAgent('SIGKILL');
    process.kill(lost.guardPid() ?? 0, 'SIGKILL');
    await until(() => holder() !== null && holder() !== lost.name, FAILOVER_LIMIT_MS);
    lost.startAgent(programs.agent);
    await settled(BOOT_LIMIT_MS);
    await rows.stop();
    expect(lost.log()).toMatch(/"step":"rewind".*"step ended"/);
    const lostRows = (await rows.lost()) - lostEarlier;
    expect(lostRows).toBeGreaterThanOrEqual(20);
    const kept = await until(
      () => leader.events.findLast(({ event }) => event.type === 'DivergedWalKept')?.event ?? null,
      5_000,
    );
    if (kept.type !== 'DivergedWalKept') throw new Error('DivergedWalKept was looked for');
    process.stderr.write(
      `kept: ${JSON.stringify(kept.wal, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`,
    );
    // One row is one transaction; what was written but not acknowledged is there too.
    expect(kept.wal.committed).toBeGreaterThanOrEqual(lostRows);
    expect(kept.wal.relations[0]?.name).toMatch(/^postgres: /);
    expect(readdirSync(kept.wal.path).filter((name) => /^[0-9A-F]{24}$/.test(name))).not.toEqual(
      [],
    );
    expect(leader.problems).toEqual([]);
  });
});
