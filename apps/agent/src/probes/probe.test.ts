import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '#libs/cluster';
import { probePeer } from './peer-probe.ts';
import { isNoBreakdown, probePostgres } from './postgres-probe.ts';

const LIMIT_MS = 300;
const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function listening(server: Server): Promise<Endpoint> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return { host: '127.0.0.1', port: address.port };
}

async function timed<T>(work: Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const begunMs = performance.now();
  const value = await work;
  return { value, ms: performance.now() - begunMs };
}

describe('PostgreSQL', () => {
  it('has answered with its first byte', async () => {
    const packets: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (packet) => {
        packets.push(packet);
        socket.write('R');
      });
    });
    const { value, ms } = await timed(probePostgres(await listening(server), 'me', LIMIT_MS));
    expect(value).toBe(true);
    expect(ms).toBeLessThan(LIMIT_MS);
    expect(packets[0]?.readInt32BE(0)).toBe(packets[0]?.length);
    expect(packets[0]?.toString('latin1')).toContain('user\0me\0database\0postgres\0');
  });

  it.each([
    { code: '42501', why: 'could not open file "global/pg_filenode.map"', serves: false },
    { code: '58030', why: 'could not read file "global/pg_filenode.map"', serves: false },
    { code: '53300', why: 'sorry, too many clients already', serves: true },
    { code: '28000', why: 'no pg_hba.conf entry', serves: true },
    { code: '57P03', why: 'the database system is starting up', serves: true },
  ])('serves somebody: $serves, when it says $code', async ({ code, why, serves }) => {
    const fields = `SFATAL\0VFATAL\0C${code}\0M${why}\0\0`;
    const message = Buffer.alloc(5 + fields.length);
    message.write('E');
    message.writeInt32BE(message.length - 1, 1);
    message.write(fields, 5);
    const server = await listening(createServer((socket) => socket.end(message)));
    expect(await probePostgres(server, 'me', LIMIT_MS, isNoBreakdown)).toBe(serves);
    // Those who ask whether it is there have their answer.
    expect(await probePostgres(server, 'me', LIMIT_MS)).toBe(true);
  });

  it('has not answered when its port accepts and nobody speaks, and the call ends in time', async () => {
    const silent = await listening(createServer());
    const { value, ms } = await timed(probePostgres(silent, 'me', LIMIT_MS));
    expect(value).toBe(false);
    expect(ms).toBeGreaterThanOrEqual(LIMIT_MS - 5);
    expect(ms).toBeLessThan(LIMIT_MS + 250);
  });

  it('has not answered when the connection is refused or ended', async () => {
    const ending = await listening(createServer((socket) => socket.end()));
    expect(await probePostgres(ending, 'me', LIMIT_MS)).toBe(false);
    open.splice(0)[0]?.();
    expect(await probePostgres(ending, 'me', LIMIT_MS)).toBe(false);
  });
});

describe('an agent', () => {
  const answering = (text: string): Promise<Endpoint> =>
    listening(createHttpServer((_request, response) => response.end(text)));

  it('says who it is and whether its guard answers', async () => {
    const answer = { cluster: 'orders', instance: 'pg1', guardAnswers: true };
    expect(await probePeer(await answering(JSON.stringify(answer)), LIMIT_MS)).toEqual(answer);
  });

  it.each(['', 'null', '{"cluster":"orders"}', '<html>', 'x'.repeat(100_000)])(
    'is none when it answers %.20s',
    async (text) => {
      expect(await probePeer(await answering(text), LIMIT_MS)).toBeNull();
    },
  );

  it('is none when it accepts and does not answer, and the call ends in time', async () => {
    const silent = await listening(createServer());
    const { value, ms } = await timed(probePeer(silent, LIMIT_MS));
    expect(value).toBeNull();
    expect(ms).toBeLessThan(LIMIT_MS + 250);
  });
});
