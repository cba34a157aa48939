import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Clock, epochMs, monotonicMs } from '#libs/kernel';
import { HandshakeQueue } from './handshake-queue.ts';

describe('the queue of handshakes', () => {
  let nowMs = 0;
  let begun: number[];
  let dropped: string[];
  let queue: HandshakeQueue;
  const clock: Clock = {
    nowMs: () => epochMs(nowMs),
    monotonicMs: () => monotonicMs(nowMs),
    bootMs: () => monotonicMs(nowMs),
  };

  beforeEach(() => {
    vi.useFakeTimers();
    nowMs = 0;
    begun = [];
    dropped = [];
    queue = new HandshakeQueue({
      clock,
      waitMaxMs: 2_000,
      begin: (socket) => begun.push(socket.remotePort ?? 0),
      onDropped: (remoteAddress) => dropped.push(remoteAddress),
    });
  });

  afterEach(() => {
    queue.close();
    vi.useRealTimers();
  });

  it('begins sixteen at once, and of those that wait the newest first', () => {
    add(1, 20);
    expect(begun).toEqual(range(1, 16));
    queue.ended('10.0.0.1:3');
    queue.ended('10.0.0.1:4');
    expect(begun.slice(16)).toEqual([20, 19]);
    expect(queue.waiting).toBe(2);
  });

  it('drops whoever waited as long as a client has patience', () => {
    add(1, 18);
    nowMs = 1_999;
    queue.ended('10.0.0.1:1');
    expect(dropped).toEqual([]);
    nowMs = 2_000;
    queue.ended('10.0.0.1:2');
    expect(dropped).toEqual(['10.0.0.1:17']);
    expect(begun).not.toContain(17);
  });

  it('gives the place of a connection that ended in its handshake to another', async () => {
    vi.useRealTimers();
    const sockets = add(1, 17);
    sockets[0]?.destroy();
    await vi.waitFor(() => expect(begun).toContain(17));
  });

  it('lets nobody who is silent in its handshake keep others out', () => {
    add(1, 17);
    vi.advanceTimersByTime(250);
    expect(begun).toContain(17);
  });

  it('does not begin the handshake of who hung up while waiting', () => {
    const sockets = add(1, 18);
    sockets[17]?.destroy();
    queue.ended('10.0.0.1:1');
    expect(begun.slice(16)).toEqual([17]);
  });

  it('ends those that wait when it closes', () => {
    const sockets = add(1, 18);
    queue.close();
    expect(sockets.map(({ destroyed }) => destroyed).indexOf(true)).toBe(16);
  });

  function add(first: number, last: number): Socket[] {
    return range(first, last).map((port) => {
      const socket = new Socket();
      Object.defineProperty(socket, 'remoteAddress', { value: '10.0.0.1' });
      Object.defineProperty(socket, 'remotePort', { value: port });
      queue.add(socket);
      return socket;
    });
  }
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
