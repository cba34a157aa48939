import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Granted, Grants, Instance, Orders, Releases } from '#libs/guarding';
import { epoch, type GuardIncarnation, guardIncarnation } from '#libs/kernel';
import { killAll, ProcessesInDirectory } from '#libs/process';
import type { GuardRequest, LocalAnswer, LocalRequest } from '#libs/protocol';
import { Fuse } from './fuse.ts';
import { GuardLog } from './guard-log.ts';
import { DataDirectoryFiles } from './instance-files.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { Postmaster } from './postmaster.ts';
import { SystemClock } from './system-clock.ts';

const incarnation = guardIncarnation('g2');
const TIMES = { leaseTtlMs: 3_000, renewIntervalMs: 400, stopBudgetMs: 300, guardKillMs: 150 };
const SHORT = { leaseTtlMs: 1_500, renewIntervalMs: 200, stopBudgetMs: 300, guardKillMs: 150 };

const POLL = { timeout: 20_000 };

let directory: string;
let processes: ProcessesInDirectory;
/** Why this host may not have a primary. */
const host: { unfit: string | null } = { unfit: null };

/** The guard's parts without controllers; the postmaster is a program that only sleeps. */
function guard({ predecessors = [] }: { readonly predecessors?: GuardIncarnation[] } = {}) {
  const clock = new SystemClock();
  const log = new GuardLog(clock, { process: 'guard', cluster: 'demo', instance: 'pg1' });
  const renewed: number[] = [];
  const sent: GuardRequest[] = [];
  const effects = {
    sendRenewal: (of: number) => void renewed.push(of),
    rightConfirmed: () => undefined,
    stopNow: () => undefined,
  };
  const binary = join(directory, '..', 'postgres');
  const settings = { user: 'postgres', dataDirectory: directory, binary, arguments: [] };
  const logFile = join(directory, '..', 'log');
  const onChange = () => undefined;
  const parts = { processes, log, onChange, onUnproved: onChange };
  const postmaster = new Postmaster({ ...settings, logFile }, parts);
  const lease = new LeaseKeeper(TIMES, { clock, log, effects });
  const fuse = new Fuse(directory, log, clock);
  const instance = new Instance({
    files: new DataDirectoryFiles(directory, processes),
    ...{ postmaster, lease, fuse, log, pause },
  });
  const releases = new Releases((request) => void sent.push(request));
  const mayNotLead = () => host.unfit;
  const shared = { lease, instance, releases, incarnation, mayNotLead };
  const grants = new Grants({ ...shared, predecessors, log });
  const orders = new Orders({
    ...shared,
    olderHolder: (of) => grants.olderHolder(of),
    grantKnown: (of) => grants.knows(of),
    onPosition: () => undefined,
    onShutdown: () => undefined,
    log,
  });
  const ask = (request: LocalRequest): Promise<LocalAnswer> =>
    new Promise((resolve) => orders.handle(request, resolve));
  const hear = (granted: Granted): void => {
    grants.learn(granted);
    orders.granted(granted.epoch);
  };
  return { ask, grants, hear, lease, releases, renewed, sent };
}

beforeEach(() => {
  const parent = mkdtempSync(join(tmpdir(), 'matriarch-orders-'));
  directory = join(parent, 'data');
  mkdirSync(directory);
  writeFileSync(join(directory, 'PG_VERSION'), '15\n');
  writeFileSync(join(parent, 'postgres'), '#!/bin/sh\nexec sleep 30\n');
  chmodSync(join(parent, 'postgres'), 0o755);
  processes = new ProcessesInDirectory(directory);
});

afterEach(async () => {
  await killAll(processes, { limitMs: 2_000 });
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

const start = { type: 'start', id: 1, epoch: null } as const;
const release = {
  ...({ type: 'release', id: 2, epoch: epoch(4), reason: 'yielded' } as const),
  ...{ timeline: null, lsn: null },
};

describe('two orders at once', () => {
  it('nothing is released while something starts', async () => {
    const { ask, sent } = guard();
    const [started, given] = await Promise.all([ask(start), ask(release)]);
    expect(started).toMatchObject({ type: 'done' });
    expect(given).toMatchObject({ type: 'refused', code: 'POSTGRES_RUNNING' });
    expect(sent).toEqual([]);
  });

  it('one of two starts is carried out', async () => {
    const { ask } = guard();
    const [first, second] = await Promise.all([ask(start), ask({ ...start, id: 3 })]);
    expect(first).toMatchObject({ type: 'done' });
    expect(second).toMatchObject({ type: 'refused', code: 'POSTGRES_RUNNING' });
  });
});

describe('a release for a dead guard', () => {
  const dead = guardIncarnation('g1');
  const granted = { type: 'granted', epoch: epoch(4), incarnation: dead, ...SHORT } as const;
  const order = { ...release, reason: 'guard-replaced' } as const;

  it('waits until the grant tells who that was, and is given in its name', async () => {
    const { ask, hear, releases, sent } = guard({ predecessors: [dead] });
    const given = ask(order);
    await pause(20);
    expect(sent).toEqual([]);
    hear(granted);
    // What the guard says by itself, and once more for the agent that asks.
    await expect.poll(() => sent, POLL).toHaveLength(2);
    expect(sent).toMatchObject([{ incarnation: dead }, { incarnation: dead }]);
    releases.answered(epoch(4), { kind: 'released' });
    expect(await given).toMatchObject({ type: 'done' });
  });

  it('asks the leader all the same once a later epoch is heard of', async () => {
    const { ask, hear, releases, sent } = guard();
    const given = ask(order);
    hear({ ...granted, epoch: epoch(5) });
    await expect.poll(() => sent, POLL).toHaveLength(1);
    expect(sent).toMatchObject([{ type: 'release', epoch: 4, incarnation }]);
    releases.answered(epoch(4), { kind: 'refused', reason: 'epoch 5 is granted' });
    expect(await given).toMatchObject({ type: 'refused', code: 'EPOCH_OVER' });
  });
});

describe('a hand-over', () => {
  it('gives nothing back where the files do not tell the end of WAL', async () => {
    const { ask, grants, lease, sent } = guard();
    grants.learn({ type: 'granted', epoch: epoch(4), incarnation, ...SHORT });
    await ask(start);
    const order = { type: 'handOver', id: 2, epoch: epoch(4), budgetMs: 5_000 } as const;
    expect(await ask(order)).toMatchObject({ type: 'done' });
    expect([sent, lease.epoch]).toEqual([[], 4]);
    lease.end();
  });
});

describe('an epoch that is asked for', () => {
  it('is not renewed before the grant has told how long it lasts', async () => {
    const { ask, grants, lease, renewed } = guard();
    void ask({ type: 'acquire', id: 1, epoch: epoch(7) });
    expect(renewed).toEqual([]);
    grants.learn({ type: 'granted', epoch: epoch(7), incarnation, ...SHORT });
    expect(renewed).toEqual([7]);
    expect(lease.timing.leaseTtlMs).toBe(1_500);
  });

  it('keeps its times when a controller that is behind tells of the one before', () => {
    const { grants, lease } = guard();
    grants.learn({ type: 'granted', epoch: epoch(7), incarnation, ...SHORT });
    grants.learn({ type: 'granted', epoch: epoch(6), incarnation, ...TIMES });
    expect(lease.timing.leaseTtlMs).toBe(1_500);
    lease.end();
  });

  it('is not asked for by a host whose required watchdog cannot be used', async () => {
    const { ask, grants, renewed } = guard();
    host.unfit = 'the watchdog is required: no such device';
    try {
      grants.learn({ type: 'granted', epoch: epoch(7), incarnation, ...SHORT });
      const answer = await ask({ type: 'acquire', id: 1, epoch: epoch(7) });
      expect(answer).toMatchObject({ type: 'refused', code: 'WATCHDOG_UNUSABLE', why: host.unfit });
      expect(renewed).toEqual([]);
    } finally {
      host.unfit = null;
    }
  });
});
