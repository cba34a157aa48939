import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decode, encode, LocalFrameReader, localFrame, packLocalAnswer } from '#libs/protocol';
import { GuardConnection } from './guard-connection.ts';

const LIMIT = { timeout: 20_000 };

/** Where a test speaks for the guard. */
describe('the connection to a guard', () => {
  let directory: string;
  let server: Server;
  let guard: Socket;
  let connection: GuardConnection;
  let heard: number;
  let closed: string[];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'guard-connection-'));
    const path = join(directory, 'guard.sock');
    heard = 0;
    const ends: string[] = [];
    closed = ends;
    server = createServer();
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    connection = await GuardConnection.open(path, {
      onState: () => undefined,
      onPromisesWanted: () => undefined,
      onMessage: () => {
        heard += 1;
      },
      // That of the test before ends late.
      onClosed: (why) => ends.push(why),
    });
    guard = await accepted;
  });

  afterEach(async () => {
    connection.destroy();
    guard.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  });

  const say = (message: unknown): void => void guard.write(localFrame(encode(message)));

  /** Answers whatever is asked. */
  function answerAll(): void {
    const reader = new LocalFrameReader((payload) => {
      const [, id] = decode(payload) as [string, number];
      say(packLocalAnswer({ type: 'done', id }));
    });
    guard.on('data', (chunk) => reader.push(chunk));
  }

  it('outlives what only a later guard says, and takes it for a sign of life', async () => {
    answerAll();
    say(['weather', 7, 'windy']);
    await expect.poll(() => heard, LIMIT).toBe(1);
    await connection.ask({ type: 'ping' }, LIMIT.timeout);
    expect({ open: connection.open, closed }).toEqual({ open: true, closed: [] });
  });

  it('ends with an answer that is not what its name promises', async () => {
    say(['done', 'seven']);
    await expect.poll(() => closed, LIMIT).toEqual([expect.stringContaining("field 'id'")]);
    expect(connection.open).toBe(false);
  });
});
