import { expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import { Instance, type InstanceParts } from './instance.ts';

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
