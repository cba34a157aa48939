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

  it('begins eight at once, and of those that wait the newest first', () => {
    add(1, 12);
    expect(begun).toEqual(range(1, 8));
    queue.ended('10.0.0.1:3');
    queue.ended('10.0.0.1:4');
    expect(begun.slice(8)).toEqual([12, 11]);
    expect(queue.waiting).toBe(2);
  });

  it('drops whoever waited as long as a client has patience', () => {
    add(1, 10);
    nowMs = 1_999;
    queue.ended('10.0.0.1:1');
    expect(dropped).toEqual([]);
    nowMs = 2_000;
    queue.ended('10.0.0.1:2');
    expect(dropped).toEqual(['10.0.0.1:9']);
    expect(begun).not.toContain(9);
  });

  it('gives the place of a connection that ended in its handshake to another', async () => {
    vi.useRealTimers();
    const sockets = add(1, 9);
    sockets[0]?.destroy();
    await vi.waitFor(() => expect(begun).toContain(9));
  });

  it('lets nobody who is silent in its handshake keep others out', () => {
    add(1, 9);
    vi.advanceTimersByTime(250);
    expect(begun).toContain(9);
  });

  it('does not begin the handshake of who hung up while waiting', () => {
    const sockets = add(1, 10);
    sockets[9]?.destroy();
    queue.ended('10.0.0.1:1');
    expect(begun.slice(8)).toEqual([9]);
  });

  it('ends those that wait when it closes', () => {
    const sockets = add(1, 10);
    queue.close();
    expect(sockets.map(({ destroyed }) => destroyed).indexOf(true)).toBe(8);
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
