import { beforeEach, describe, expect, it } from 'vitest';
import { DiskWatch } from './disk-watch.ts';

const MB = 1_024 * 1_024;
let storage: { nearlyFull: boolean; availableBytes: number };
let leads: boolean;
let said: unknown[];
let watch: DiskWatch;

beforeEach(() => {
  storage = { nearlyFull: false, availableBytes: 100 * MB };
  leads = true;
  said = [];
  const at =
    (level: string) =>
    (_: string, fields: object = {}) =>
      void said.push({ level, ...fields });
  const log = { info: at('info'), warn: at('warn'), error: at('error') };
  watch = new DiskWatch({ storage, log, ownName: 'c1', leads: () => leads });
});

describe('a disk that is nearly full', () => {
  it('is told once, with what follows from it and how it ends', () => {
    watch.tick();
    storage.nearlyFull = true;
    storage.availableBytes = 31 * MB;
    watch.tick();
    watch.tick();
    const consequence = expect.stringContaining('what grows is refused');
    const wayOut = 'free space until 48 MB are available';
    expect(said).toEqual([{ level: 'warn', availableBytes: 31 * MB, consequence, wayOut }]);
  });

  it('is told to be over, once', () => {
    storage.nearlyFull = true;
    watch.tick();
    storage.nearlyFull = false;
    watch.tick();
    watch.tick();
    expect(said.slice(1)).toEqual([{ level: 'info', availableBytes: 100 * MB }]);
  });

  it('is why a leader takes nothing that grows, with what it has, the limit and the ways out', () => {
    expect(watch.growthRefusal).toBeNull();
    storage.nearlyFull = true;
    storage.availableBytes = 31 * MB;
    expect(watch.growthRefusal).toMatch(
      /^31 MB are left on the disk of c1, which leads: .* until 48 MB are\. .*`matriarch controllers transfer-leader NAME`$/,
    );
  });

  it('is no answer of a follower: it does not take anything else either', () => {
    storage.nearlyFull = true;
    leads = false;
    expect(watch.growthRefusal).toBeNull();
  });
});
