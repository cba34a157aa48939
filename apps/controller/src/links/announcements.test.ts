import { beforeEach, describe, expect, it } from 'vitest';
import { epochMs, monotonicMs } from '#libs/kernel';
import {
  type ControllerMessage,
  decode,
  decodeControllerMessage,
  encode,
  encodeControllerMessage,
} from '#libs/protocol';
import { Announcements } from './announcements.ts';

const NOON = 1_800_000_000_000;

let sent: [to: number | 'all', message: ControllerMessage][];
let storage: { nearlyFull: boolean; availableBytes: number | null };
let announcements: Announcements;
let strays: number[];
let up: number[];

beforeEach(() => {
  sent = [];
  strays = [];
  up = [2, 3];
  storage = { nearlyFull: false, availableBytes: 300 };
  const network = {
    tell: (to: number, message: ControllerMessage) => sent.push([to, message]) > 0,
    tellAll: (message: ControllerMessage) => void sent.push(['all', message]),
    isUp: (peer: number) => up.includes(peer),
  };
  const clock = { nowMs: () => epochMs(NOON), monotonicMs: () => monotonicMs(0) };
  const told = { apiAddress: '10.0.0.1:7401', strays: () => strays, clock };
  announcements = new Announcements({ network, storage, ...told });
});

const announced = (availableBytes: number, nearlyFull: boolean, met: number[] = []) => ({
  ...{ type: 'announce' as const, apiAddress: '10.0.0.1:7401', strays: met, wallAtMs: NOON },
  disk: { availableBytes, nearlyFull },
});

describe('announcements', () => {
  it('go to a controller that is met, then to all when it is time', () => {
    announcements.tell(3);
    announcements.tick(false);
    storage.availableBytes = 200;
    announcements.tick(true);
    expect(sent).toEqual([
      [3, announced(300, false)],
      ['all', announced(200, false)],
    ]);
  });

  it('do not wait when the disk is nearly full, or is not any more', () => {
    storage.nearlyFull = true;
    announcements.tick(false);
    announcements.tick(false);
    storage.nearlyFull = false;
    announcements.tick(false);
    expect(sent).toEqual([
      ['all', announced(300, true)],
      ['all', announced(300, false)],
    ]);
  });

  it('do not wait when a member was met on another directory, or came back on its own', () => {
    strays = [3];
    announcements.tick(false);
    announcements.tick(false);
    strays = [];
    announcements.tick(false);
    expect(sent).toEqual([
      ['all', announced(300, false, [3])],
      ['all', announced(300, false)],
    ]);
  });

  it('tell of members that others met astray, while whoever says so is connected', () => {
    announcements.heard(2, announced(7, false, [4]));
    expect([announcements.isToldAstray(4), announcements.isToldAstray(2)]).toEqual([true, false]);
    up = [3];
    expect(announcements.isToldAstray(4)).toBe(false);
    up = [2, 3];
    announcements.heard(2, announced(7, false));
    expect(announcements.isToldAstray(4)).toBe(false);
  });

  it('say nothing of a disk at which nobody looks', () => {
    storage.availableBytes = null;
    announcements.tell(3);
    expect(sent[0]?.[1]).toMatchObject({ disk: null });
  });

  it('are known by whom they are of', () => {
    announcements.heard(2, { ...announced(7, true), apiAddress: '10.0.0.2:7401' });
    expect(announcements.apiAddressOf(2)).toBe('10.0.0.2:7401');
    expect(announcements.diskOf(2)).toEqual({ availableBytes: 7, nearlyFull: true });
    expect(announcements.apiAddressOf(3)).toBeUndefined();
    expect(announcements.diskOf(3)).toBeNull();
  });

  it('are understood from, and by, versions that knew addresses only, disks too, or no clocks', () => {
    const message = announced(300, true, [3]);
    const bytes = encodeControllerMessage(message);
    expect(decodeControllerMessage(bytes)).toEqual(message);
    const [type, address, ...later] = decode(bytes) as unknown[];
    expect(later).toEqual([300, true, [3], NOON]);
    const ofBefore = decodeControllerMessage(encode([type, address]));
    expect(ofBefore).toEqual({ ...message, disk: null, strays: [], wallAtMs: null });
    const withDisk = decodeControllerMessage(encode([type, address, 300, true]));
    expect(withDisk).toEqual({ ...message, strays: [], wallAtMs: null });
    const withStrays = decodeControllerMessage(encode([type, address, 300, true, [3]]));
    expect(withStrays).toEqual({ ...message, wallAtMs: null });
  });
});
