import { beforeEach, describe, expect, it } from 'vitest';
import {
  type ControllerMessage,
  decode,
  decodeControllerMessage,
  encode,
  encodeControllerMessage,
} from '#libs/protocol';
import { Announcements } from './announcements.ts';

let sent: [to: number | 'all', message: ControllerMessage][];
let storage: { nearlyFull: boolean; availableBytes: number | null };
let announcements: Announcements;

beforeEach(() => {
  sent = [];
  storage = { nearlyFull: false, availableBytes: 300 };
  const network = {
    tell: (to: number, message: ControllerMessage) => sent.push([to, message]) > 0,
    tellAll: (message: ControllerMessage) => void sent.push(['all', message]),
  };
  announcements = new Announcements({ network, storage, apiAddress: '10.0.0.1:7401' });
});

const announced = (availableBytes: number, nearlyFull: boolean) => ({
  ...{ type: 'announce' as const, apiAddress: '10.0.0.1:7401' },
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

  it('are understood from, and by, a version that knew addresses only', () => {
    const message = announced(300, true);
    const bytes = encodeControllerMessage(message);
    expect(decodeControllerMessage(bytes)).toEqual(message);
    const [type, address, ...later] = decode(bytes) as unknown[];
    expect(later).toEqual([300, true]);
    const ofBefore = decodeControllerMessage(encode([type, address]));
    expect(ofBefore).toEqual({ ...message, disk: null });
  });
});
