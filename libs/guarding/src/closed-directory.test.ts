import { expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import { Instance, type InstanceParts } from './instance.ts';

/** One whose PostgreSQL has just ended, and where `standby.signal` cannot be written for this reason. */
function ended(code: string): { readonly down: () => void; readonly told: string[] } {
  const told: string[] = [];
  const files = {
    unfinishedWork: () => undefined,
    hasData: () => true,
    putStandbySignal: () => {
      throw Object.assign(new Error(code), { code });
    },
  };
  const instance = new Instance({
    files,
    fuse: { arm: () => true, disarm: () => undefined },
    log: { info: () => undefined, warn: (message: string) => void told.push(message) },
  } as unknown as InstanceParts);
  return { down: () => instance.wentDown(), told };
}

it('a directory that takes no change keeps the guard from nothing: it has a lease to give back', () => {
  const { down, told } = ended('EROFS');
  down();
  expect(told).toEqual(['standby.signal not written']);
});

/** A primary's lease is held, its PostgreSQL is down, and `remove` is done to its signal files at the start. */
function starting(remove: () => void) {
  const calls: string[] = [];
  const files = {
    proveDown: () => ({ kind: 'down' }),
    unfinishedWork: () => undefined,
    hasData: () => true,
    removeSignalFiles: remove,
    putStandbySignal: () => {
      throw Object.assign(new Error('read-only'), { code: 'EROFS' });
    },
  };
  const instance = new Instance({
    files,
    lease: { mayServe: () => true, killAtBootMs: () => 1 },
    postmaster: { state: 'down', start: () => calls.push('started') > 0 },
    fuse: { arm: () => true, disarm: () => calls.push('disarmed') },
    log: { info: () => undefined, warn: (message: string) => void calls.push(message) },
  } as unknown as InstanceParts);
  return { instance, calls };
}

it.each(['EROFS', 'EIO', 'EACCES'])(
  'a start that it does not let through is refused: %s',
  async (code) => {
    const { instance, calls } = starting(() => {
      throw Object.assign(new Error(`${code}: unlink`), { code });
    });
    const refusal = { code: 'START_FAILED', why: `${code}: unlink` };
    expect(await instance.start(epoch(1))).toEqual(refusal);
    expect(calls).toEqual(['disarmed', 'standby.signal not written']);
    expect(instance.serving).toEqual({ kind: 'none' });
    expect(await instance.start(null)).toEqual({ code: 'START_FAILED', why: 'read-only' });
  },
);

it('on a full disk it ends, and the next one writes it once there is room', () => {
  expect(ended('ENOSPC').down).toThrow('ENOSPC');
});
