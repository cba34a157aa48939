import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { epochMs, monotonicMs } from '#libs/kernel';
import { LinkFrame } from '#libs/protocol';
import { FramedSocket } from './framed-socket.ts';
import { DEFAULT_LINK_TIMING } from './link-timing.ts';
import { type LinkSide, Liveness } from './liveness.ts';

const LIMITS = { frameBytesMax: 1_024, sendBudgetBytes: 65_536 };
const CLOCK = {
  nowMs: () => epochMs(Date.now()),
  monotonicMs: () => monotonicMs(Date.now()),
  bootMs: () => monotonicMs(Date.now()),
};

/** Two ends of one connection, each with its liveness; `cut` loses whatever is sent from then on. */
function link(inCrowd = false) {
  let isCut = false;
  const streams: Duplex[] = [];
  const end = (other: number) =>
    new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        if (!isCut) streams[other]?.push(chunk);
        done();
      },
    });
  streams.push(end(1), end(0));
  const closed: string[] = [];
  const side = (name: LinkSide, stream: Duplex) => {
    const framed: FramedSocket = new FramedSocket(stream, LIMITS, {
      onFrame: (type) => void liveness.take(type),
      onClose: (cause) => void closed.push(`${name}: ${cause?.message}`),
    });
    const liveness = new Liveness(framed, DEFAULT_LINK_TIMING, CLOCK, name, () => inCrowd);
    return { framed, liveness };
  };
  const [first, second] = streams;
  if (first === undefined || second === undefined) throw new Error('two ends were made');
  const [dialled, accepted] = [side('dialled', first), side('accepted', second)];
  return {
    ...{ dialled, accepted, closed },
    cut: () => {
      isCut = true;
    },
    stop: () => {
      for (const { liveness } of [dialled, accepted]) liveness.stop();
    },
  };
}

async function passes(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) await vi.advanceTimersByTimeAsync(100);
}

describe('liveness of a link', () => {
  beforeEach(
    () => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }),
  );
  afterEach(() => void vi.useRealTimers());

  it('given a quiet link, is asked for by the side that dialled alone, every second look', async () => {
    const { dialled, accepted, closed, stop } = link();
    await passes(20_000);
    expect(closed).toEqual([]);
    expect(dialled.framed.sentFrames).toBeGreaterThanOrEqual(9);
    expect(dialled.framed.sentFrames).toBeLessThanOrEqual(11);
    // Each of its frames is an answer.
    expect(accepted.framed.sentFrames).toBe(dialled.framed.sentFrames);
    stop();
  });

  it('given a quiet link of a crowd, is asked for every eleventh look', async () => {
    const { dialled, accepted, closed, stop } = link(true);
    await passes(44_000);
    expect(closed).toEqual([]);
    expect(dialled.framed.sentFrames).toBeGreaterThanOrEqual(3);
    expect(dialled.framed.sentFrames).toBeLessThanOrEqual(4);
    expect(accepted.framed.sentFrames).toBe(dialled.framed.sentFrames);
    stop();
  });

  it('given something was said over a link of a crowd and no answer came, ends it as any other', async () => {
    const { dialled, closed, cut, stop } = link(true);
    await passes(2_000);
    cut();
    await passes(1_000);
    dialled.framed.send(LinkFrame.pong, new Uint8Array());
    await passes(5_000);
    expect(closed).toHaveLength(1);
    expect(closed[0]).toMatch(/^dialled: .*the peer is silent/);
    stop();
  });

  it('given the peer of a crowd is cut off, ends the link after it was asked', async () => {
    const { closed, cut, stop } = link(true);
    await passes(2_000);
    cut();
    await passes(26_000);
    expect(closed.map((text) => text.split(':')[0]).sort()).toEqual(['accepted', 'dialled']);
    stop();
  });

  it('given traffic in both directions, costs no frame', async () => {
    const { dialled, accepted, stop } = link();
    for (let sent = 0; sent < 20; sent += 1) {
      dialled.framed.send(LinkFrame.pong, new Uint8Array());
      accepted.framed.send(LinkFrame.pong, new Uint8Array());
      await passes(500);
    }
    expect([dialled.framed.sentFrames, accepted.framed.sentFrames]).toEqual([20, 20]);
    stop();
  });

  it('given the peer is cut off, ends the link on both sides after its silence', async () => {
    const { closed, cut, stop } = link();
    await passes(5_000);
    cut();
    await passes(2_000);
    expect(closed).toEqual([]);
    await passes(3_000);
    expect(closed.map((text) => text.split(':')[0]).sort()).toEqual(['accepted', 'dialled']);
    stop();
  });
});
