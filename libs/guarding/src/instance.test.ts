import { describe, expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import { Instance, type InstanceParts } from './instance.ts';
import type { StopStage } from './ports.ts';

const EPOCH = epoch(4);

/** One that is down and may lead, and what is done to its directory and PostgreSQL from here on. */
function atRest(change: { unfinished?: string; whileRemoving?: () => void } = {}) {
  const done: string[] = [];
  const lease = { held: true };
  const files = {
    path: '/data',
    proveDown: () => ({ kind: 'down' }),
    unfinishedWork: () => change.unfinished,
    hasData: () => true,
    putStandbySignal: () => done.push('standby.signal put'),
    removeSignalFiles: () => {
      done.push('standby.signal removed');
      change.whileRemoving?.();
    },
  };
  const parts = {
    files,
    postmaster: { state: 'down', start: () => done.push('started') > 0 },
    lease: {
      mayServe: () => lease.held,
      isOver: () => false,
      untilStopMs: () => null,
      killAtBootMs: () => 1,
      epoch: EPOCH,
    },
    fuse: { arm: () => done.push('fuse armed') > 0, disarm: () => done.push('fuse disarmed') },
    log: { info: () => undefined, warn: () => undefined },
  };
  return { instance: new Instance(parts as unknown as InstanceParts), done, lease };
}

it.each([EPOCH, null])(
  'a directory in which a change began and did not end is never started: epoch %s (safety 25)',
  async (as) => {
    const { instance, done } = atRest({ unfinished: 'pg_rewind' });
    expect(await instance.start(as)).toMatchObject({ code: 'UNFINISHED_DIRECTORY' });
    expect(done).toEqual([]);
  },
);

it('one that was put right starts', async () => {
  const { instance, done } = atRest();
  expect(await instance.start(EPOCH)).toBeNull();
  expect(done).toEqual(['standby.signal removed', 'fuse armed', 'started']);
});

it('given a lease that ends while a slow disk takes the change, starts no primary (safety 10)', async () => {
  const { instance, done, lease } = atRest({
    whileRemoving: () => {
      lease.held = false;
    },
  });
  expect(await instance.start(EPOCH)).toMatchObject({ code: 'LEASE_NOT_HELD' });
  expect(done).not.toContain('started');
  expect(done.at(-1)).toBe('standby.signal put');
});

describe('a stop to hand over', () => {
  const BUDGET_MS = 400;

  /** One that runs, and never ends by itself: what it is at once so many milliseconds have passed. */
  function neverDown(stageAt: (ms: number) => StopStage, then?: 'starts again') {
    const clock = { ms: 0 };
    const done: string[] = [];
    const pause = async (durationMs: number) => {
      const dueMs = clock.ms + durationMs;
      // Everybody who waits less is woken first.
      while (clock.ms < dueMs) await new Promise((resolve) => setImmediate(resolve));
    };
    const ticks = setInterval(() => {
      clock.ms += 5;
    });
    const parts = {
      files: { stopStage: async () => stageAt(clock.ms) },
      postmaster: {
        state: 'stopping',
        stopFast: () => undefined,
        stopImmediate: () => void done.push('ended'),
        lastWorkers: () => ({ areLeft: () => true, letSendersEnd: () => undefined }),
        whenDown: () => new Promise(() => undefined),
      },
      log: { info: () => undefined, warn: () => undefined },
      pause,
    };
    const instance = new Instance(parts as unknown as InstanceParts);
    const stop = async () => {
      if (then !== undefined) {
        void pause(50).then(() => {
          parts.postmaster.state = 'running';
          done.push('started again');
        });
      }
      const limits = { budgetMs: BUDGET_MS, killMs: 150, handsOver: true };
      const refusal = await instance.stop('fast', limits);
      clearInterval(ticks);
      parts.postmaster.state = 'down';
      return { refusal, tookMs: clock.ms, done };
    };
    return stop;
  }

  it('is over with its budget while clients are left', async () => {
    const { refusal, tookMs, done } = await neverDown(() => 'clients')();
    expect(refusal).toMatchObject({ code: 'STOP_TIMED_OUT' });
    expect(done).toEqual([]);
    expect(tookMs).toBeLessThan(1.5 * BUDGET_MS);
  });

  it('has as long again where only the shutdown checkpoint is left', async () => {
    const stop = neverDown((ms) => (ms < 300 ? 'clients' : 'checkpoint'));
    const { refusal, tookMs, done } = await stop();
    expect(refusal).toMatchObject({ code: 'STOP_TIMED_OUT' });
    expect(tookMs).toBeGreaterThanOrEqual(2 * BUDGET_MS);
    expect(done).toEqual([]);
  });

  it('waits for no standby longer than its budget, once the last record is written', async () => {
    const { done } = await neverDown((ms) => (ms < 300 ? 'checkpoint' : 'written'))();
    expect(done).toEqual(['ended']);
  });

  it('leaves alone what was started after it ended well within its budget', async () => {
    const { done } = await neverDown(() => 'written', 'starts again')();
    expect(done).toEqual(['started again']);
  });
});
