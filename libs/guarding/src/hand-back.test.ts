import { describe, expect, it } from 'vitest';
import { epoch, guardIncarnation, timelineId } from '#libs/kernel';
import { Instance } from './instance.ts';
import { Orders } from './orders.ts';
import type { DeadlineFuse, InstanceFiles, KeptLease, PostmasterProcess } from './ports.ts';
import { Releases } from './releases.ts';

const EPOCH = epoch(4);
const incarnation = guardIncarnation('g1');
const timing = { leaseTtlMs: 3_000, renewIntervalMs: 400, stopBudgetMs: 300, guardKillMs: 150 };
const quiet = { info: () => undefined, warn: () => undefined };

/** A guard without an agent, whose PostgreSQL ends when `endsAfter` was done to it, or never. */
function guard(endsAfter: 'fast' | 'immediate' | null) {
  const done: string[] = [];
  const sent: string[] = [];
  let down: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    down = resolve;
  });
  let state: PostmasterProcess['state'] = 'running';
  const doStop = (how: 'fast' | 'immediate'): void => {
    done.push(how);
    if (how !== endsAfter) return;
    state = 'down';
    instance.wentDown();
    down();
  };
  const postmaster: PostmasterProcess = {
    get state() {
      return state;
    },
    lastExit: null,
    start: () => true,
    stopFast: () => doStop('fast'),
    stopImmediate: () => doStop('immediate'),
    whenDown: () => gone,
    lastWorkers: () => ({ areLeft: () => true, letSendersEnd: () => undefined }),
    sweep: async () => 0,
  };
  let held: typeof EPOCH | null = EPOCH;
  const lease = {
    get epoch() {
      return held;
    },
    timing,
    mayServe: () => true,
    killAtBootMs: () => 1,
    release: () => {
      held = null;
    },
  } as unknown as KeptLease;
  const files = {
    path: '/data',
    proveDown: () => ({ kind: 'down' }),
    hasData: () => true,
    unfinishedWork: () => undefined,
    putStandbySignal: () => undefined,
    shutdownPosition: () => ({ timeline: timelineId(1), lsn: 7n }),
  } as unknown as InstanceFiles;
  const fuse: DeadlineFuse = { arm: () => true, disarm: () => undefined };
  // A timer comes after whatever ends at once.
  const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
  const instance = new Instance({ files, postmaster, lease, fuse, log: quiet, pause });
  const releases = new Releases((request) => void sent.push(request.type));
  const orders = new Orders({
    ...{ instance, lease, releases, incarnation, log: quiet },
    olderHolder: () => null,
    grantKnown: () => true,
    onPosition: () => undefined,
    onShutdown: () => undefined,
  });
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await pause();
  };
  return { orders, instance, lease, done, sent, settled };
}

describe('a lease that is taken back from a guard without an agent (21)', () => {
  it('given a fast stop that ends in time, is given back', async () => {
    const { orders, lease, done, sent, settled } = guard('fast');
    orders.handBack(EPOCH);
    await settled();
    expect([done, sent, lease.epoch]).toEqual([['fast'], ['release'], null]);
  });

  it('given a stop that needs to kill, is given back once nothing is left', async () => {
    const { orders, lease, done, sent, settled } = guard('immediate');
    orders.handBack(EPOCH);
    await settled();
    expect([done, sent, lease.epoch]).toEqual([['fast', 'immediate'], ['release'], null]);
  });

  it('given killed processes that a hung disk holds, is renewed no more and not given back', async () => {
    const { orders, lease, done, sent, settled } = guard(null);
    orders.handBack(EPOCH);
    await settled();
    expect([done, sent, lease.epoch]).toEqual([['fast', 'immediate'], [], null]);
  });
});

describe('a primary that was killed and is not proved gone', () => {
  it('lets its epoch run out, so that another can take over', () => {
    const { instance, lease } = guard(null);
    expect(instance.promoting(EPOCH)).toBeNull();
    instance.notProvedDown('pid 7 (D) waits');
    expect(lease.epoch).toBeNull();
    expect(instance.lastStop).toBe('killed, and not proved gone: pid 7 (D) waits');
  });

  it('keeps the epoch as a standby, which may be about to be granted it', () => {
    const { instance, lease } = guard(null);
    instance.notProvedDown('pid 7 (D) waits');
    expect(lease.epoch).toBe(EPOCH);
  });
});
