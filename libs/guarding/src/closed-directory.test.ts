import { expect, it } from 'vitest';
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

it('on a full disk it ends, and the next one writes it once there is room', () => {
  expect(ended('ENOSPC').down).toThrow('ENOSPC');
});
