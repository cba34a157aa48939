import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, epochMs, monotonicMs, seededPrng } from '#libs/kernel';
import { type Channel, OWN_PROTOCOL, type PeerRole } from '#libs/protocol';
import { createAuthority, issueCertificate } from './authority.ts';
import type { Authority } from './issued.ts';
import type { LinkSecurity } from './link-security.ts';
import { DEFAULT_LINK_TIMING, type LinkTiming } from './link-timing.ts';
import type { ChannelHandler, LinkSelf, PeerConnection } from './peer-connection.ts';
import { PeerLink, type PeerLinkOptions } from './peer-link.ts';
import { PeerServer, type PeerServerOptions } from './peer-server.ts';
import { TlsCredentials } from './tls-credentials.ts';

const NOW = epochMs(Date.now());
const CLOCK: Clock = {
  nowMs: () => epochMs(Date.now()),
  monotonicMs: () => monotonicMs(performance.now()),
  bootMs: () => monotonicMs(performance.now()),
};
const TIMING: LinkTiming = {
  ...DEFAULT_LINK_TIMING,
  connectTimeoutMs: 5_000,
  helloTimeoutMs: 1_000,
  pingAfterMs: 100,
  peerSilenceMs: 600,
  reconnectMinMs: 10,
  reconnectMaxMs: 40,
  reconnectCalmMinMs: 20,
  reconnectCalmMaxMs: 40,
};
const PLAIN: LinkSecurity = { kind: 'plain-for-benchmark' };

describe('links between processes', { timeout: 30_000 }, () => {
  let directory: string;
  let ours: Authority;
  let other: Authority;
  const cleanups: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'peer-link-'));
    ours = await createAuthority({ directory: join(directory, 'ours'), now: NOW });
    other = await createAuthority({ directory: join(directory, 'other'), now: NOW });
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  afterAll(() => rm(directory, { recursive: true }));

  it('greets, then carries frames both ways', async () => {
    const server = await listen({});
    const link = await linkTo(server.port, {});
    const peer = await link.up();
    expect(peer).toMatchObject({
      role: 'controller',
      name: 'one',
      memberId: 1,
      protocol: OWN_PROTOCOL.protocolMax,
    });
    expect(server.connections[0]?.peer).toMatchObject({ role: 'guard', name: 'shop/pg1' });
    expect(link.link.send(40, Uint8Array.of(1, 2))).toBe(true);
    await until(() => link.frames.length === 1);
    expect(link.frames).toEqual([{ type: 40, body: [1, 2] }]);
    expect(link.link.state).toBe('up');
  });

  it.each<{ what: string; link: Partial<LinkSetup>; reason: string }>([
    { what: 'another group', link: { groupId: 'ffffffffffffffff' }, reason: 'group' },
    { what: 'a role it has no certificate for', link: { says: 'agent' }, reason: 'certificate' },
    { what: 'a name it has no certificate for', link: { name: 'shop/pg2' }, reason: 'certificate' },
    { what: 'a channel of another role', link: { channel: 'raft-bulk' }, reason: 'role' },
    {
      what: 'a channel that is not served',
      link: { role: 'agent', says: 'agent', channel: 'agent' },
      reason: 'channel',
    },
  ])('refuses $what and both sides know why', async ({ link: setup, reason }) => {
    const server = await listen({});
    const link = await linkTo(server.port, setup);
    expect(await link.down()).toMatchObject({ code: 'LINK_REFUSED', refusal: { reason } });
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ code: 'LINK_REFUSED', refusal: { reason } });
    expect(server.connections).toEqual([]);
  });

  it('refuses a certificate of another authority', async () => {
    const server = await listen({});
    const stranger = await linkTo(server.port, { authority: other, trust: ours });
    await stranger.down();
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ refusal: { reason: 'certificate' } });
    expect(String(server.refused[0])).toContain('comes from another authority than ours (tls.ca)');
    expect(server.connections).toEqual([]);
  });

  it('does not trust a server of another authority', async () => {
    const server = await listen({ authority: other });
    const link = await linkTo(server.port, {});
    expect(String(await link.down())).toContain('comes from another authority than ours (tls.ca)');
  });

  it('refuses an expired certificate', async () => {
    const server = await listen({});
    const link = await linkTo(server.port, { issuedAt: NOW - 900 * 86_400_000 });
    await link.down();
    await until(() => server.refused.length > 0);
    expect(String(server.refused[0])).toMatch(/EXPIRED/i);
  });

  it('refuses a client without a certificate', async () => {
    const server = await listen({});
    const { connect } = await import('node:tls');
    const socket = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => undefined);
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ refusal: { reason: 'certificate' } });
    socket.destroy();
  });

  it('lets a link in although many connections say nothing', async () => {
    const server = await listen({});
    for (let count = 0; count < 40; count += 1) {
      const silent = tcpConnect(server.port, '127.0.0.1');
      silent.on('error', () => undefined);
      cleanups.push(() => void silent.destroy());
    }
    const link = await linkTo(server.port, {});
    await link.up();
    expect(link.downs).toEqual([]);
  });

  it('takes only the controller that was asked for', async () => {
    const server = await listen({});
    const link = await linkTo(server.port, { expectedName: 'two' });
    expect(await link.down()).toMatchObject({ refusal: { reason: 'certificate' } });
  });

  it.each<{ server: LinkSecurity | null; link: LinkSecurity | null }>([
    { server: PLAIN, link: null },
    { server: null, link: PLAIN },
  ])('a plain end and a TLS end never meet %#', async (ends) => {
    const server = await listen(ends.server === null ? {} : { security: ends.server });
    const link = await linkTo(server.port, ends.link === null ? {} : { security: ends.link });
    await link.down();
    expect(server.connections).toEqual([]);
    expect(link.link.state).not.toBe('up');
  });

  it('a plain link works when both ends say so', async () => {
    const server = await listen({ security: PLAIN });
    const link = await linkTo(server.port, { security: PLAIN });
    await link.up();
    expect(server.connections).toHaveLength(1);
  });

  it('drops a connection of garbage and stays up for others', async () => {
    const server = await listen({ security: PLAIN });
    const socket = tcpConnect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(Buffer.alloc(100, 0x41));
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ code: 'BAD_FRAME' });
    socket.destroy();
    const link = await linkTo(server.port, { security: PLAIN });
    await link.up();
  });

  it('drops a connection that never says hello', async () => {
    const server = await listen({ security: PLAIN });
    const socket = tcpConnect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ code: 'LINK_TIMEOUT' });
    socket.destroy();
  });

  it('notices a peer that stops answering, and connects again', async () => {
    const server = await listen({ security: PLAIN });
    const proxy = await proxyTo(server.port);
    const link = await linkTo(proxy.port, { security: PLAIN });
    await link.up();
    proxy.freeze();
    expect(await link.down()).toMatchObject({ code: 'LINK_TIMEOUT' });
    await until(() => server.closed.length > 0);
    expect(server.closed[0]).toMatchObject({ code: 'LINK_TIMEOUT' });
    proxy.thaw();
    await link.up();
  });

  it('keeps a quiet link up', async () => {
    const server = await listen({});
    const link = await linkTo(server.port, {});
    await link.up();
    await elapsed(3 * TIMING.peerSilenceMs);
    expect(link.link.state).toBe('up');
    expect(server.connections).toHaveLength(1);
  });

  it('connects again after the server came back', async () => {
    const first = await listen({});
    const link = await linkTo(first.port, {});
    await link.up();
    await first.server.close();
    await link.down();
    const second = await listen({ port: first.port });
    await link.up();
    expect(second.connections).toHaveLength(1);
  });

  it('a link that was cut comes back at the first attempt, with its session resumed', async () => {
    const server = await listen({});
    const link = await linkTo(server.port, {});
    await link.up();
    await elapsed(50);
    server.connections[0]?.close(new Error('ended by the test'));
    await link.down();
    await link.up();
    expect(link.downs).toEqual([]);
    expect(server.connections[1]?.peer.name).toBe('shop/pg1');
  });

  it('drops frames over the budget and says so', async () => {
    const server = await listen({ security: PLAIN });
    const proxy = await proxyTo(server.port);
    const limits = { frameBytesMax: 65_536, sendBudgetBytes: 1_048_576 };
    const link = await linkTo(proxy.port, { security: PLAIN, limits });
    await link.up();
    proxy.freeze();
    const body = new Uint8Array(60_000);
    const sent = Array.from({ length: 40 }, () => link.link.send(40, body));
    expect(sent).toContain(true);
    expect(sent.at(-1)).toBe(false);
    expect(link.link.droppedFrames).toBeGreaterThan(0);
    expect(link.link.waitingBytes).toBeLessThanOrEqual(limits.sendBudgetBytes);
  });

  it('a frame beyond the limit of the channel ends the link', async () => {
    const server = await listen({ security: PLAIN });
    const limits = { frameBytesMax: 65_536, sendBudgetBytes: 1_048_576 };
    const link = await linkTo(server.port, { security: PLAIN, limits });
    await link.up();
    link.link.send(40, new Uint8Array(20_000));
    await until(() => server.closed.length > 0);
    expect(server.closed[0]).toMatchObject({ code: 'BAD_FRAME' });
  });

  it('sends nothing while it is down, and stops when told', async () => {
    const link = await linkTo(1, { security: PLAIN });
    expect(link.link.send(40, Uint8Array.of(1))).toBe(false);
    await link.down();
    link.link.stop();
    expect(link.link.state).toBe('stopped');
  });

  it('takes no more connections than it may, and the next once one is gone', async () => {
    const server = await listen({ connectionsMax: 2 });
    const first = await linkTo(server.port, {});
    await first.up();
    await (await linkTo(server.port, {})).up();
    const third = await linkTo(server.port, {});
    await third.down();
    expect(server.connections).toHaveLength(2);
    first.link.stop();
    await third.up();
  });

  it('uses new certificate files for new links after a reload', async () => {
    const server = await listen({});
    const credentials = await credentialsOf(ours, 'controller', 'one', NOW);
    const before = credentials.options.cert;
    await credentialsOf(ours, 'controller', 'one', NOW);
    await credentials.reload();
    expect(credentials.options.cert).not.toEqual(before);
    const link = await linkTo(server.port, {});
    await link.up();
  });

  type ServerSetup = {
    security?: LinkSecurity;
    authority?: Authority;
    port?: number;
    connectionsMax?: number;
  };

  async function listen(setup: ServerSetup) {
    const authority = setup.authority ?? ours;
    const refused: Error[] = [];
    const closed: (Error | null)[] = [];
    const connections: PeerConnection[] = [];
    const accept = (connection: PeerConnection): ChannelHandler => {
      connections.push(connection);
      return {
        onFrame: (type, body) => connection.send(type, body),
        onClose: (cause) => closed.push(cause),
      };
    };
    const credentials = await credentialsOf(authority, 'controller', 'one', NOW);
    const options: PeerServerOptions = {
      host: '127.0.0.1',
      port: setup.port ?? 0,
      security: setup.security ?? { kind: 'mutual-tls', credentials },
      self: { ...credentials.identity, memberId: 1, incarnation: 'aa' },
      channels: { guard: accept, 'raft-bulk': accept, session: accept },
      clock: CLOCK,
      timing: TIMING,
      ...(setup.connectionsMax === undefined ? {} : { connectionsMax: setup.connectionsMax }),
      onRefused: ({ cause }) => refused.push(cause),
    };
    const server = await PeerServer.listen(options);
    cleanups.push(() => server.close());
    return { server, port: server.port, refused, closed, connections };
  }

  type LinkSetup = {
    authority: Authority;
    trust: Authority;
    security: LinkSecurity;
    role: PeerRole;
    says: PeerRole;
    name: string;
    groupId: string;
    channel: Channel;
    issuedAt: number;
    expectedName: string;
    limits: NonNullable<PeerLinkOptions['limits']>;
  };

  async function linkTo(port: number, setup: Partial<LinkSetup>) {
    const authority = setup.authority ?? ours;
    const issuedAt = epochMs(setup.issuedAt ?? NOW);
    const credentials = await credentialsOf(
      authority,
      setup.role ?? 'guard',
      'shop/pg1',
      issuedAt,
      setup.trust,
    );
    const self: LinkSelf = {
      groupId: setup.groupId ?? ours.groupId,
      role: setup.says ?? setup.role ?? 'guard',
      name: setup.name ?? 'shop/pg1',
      memberId: 0,
      incarnation: 'bb',
    };
    const frames: { type: number; body: number[] }[] = [];
    const ups: PeerLinkUp[] = [];
    const downs: Error[] = [];
    const link = new PeerLink({
      host: '127.0.0.1',
      port,
      channel: setup.channel ?? 'guard',
      security: setup.security ?? { kind: 'mutual-tls', credentials },
      self,
      expectedName: setup.expectedName ?? null,
      time: { clock: CLOCK, prng: seededPrng(1) },
      timing: TIMING,
      ...(setup.limits === undefined ? {} : { limits: setup.limits }),
      onFrame: (type, body) => frames.push({ type, body: Array.from(body) }),
      onUp: (peer) => ups.push(peer),
      onDown: (cause) => downs.push(cause),
    });
    cleanups.push(() => link.stop());
    link.start();
    return {
      link,
      frames,
      downs,
      up: () => next(ups),
      down: () => next(downs),
    };
  }

  async function credentialsOf(
    authority: Authority,
    role: PeerRole,
    name: string,
    now: number,
    trust = authority,
  ): Promise<TlsCredentials> {
    const files = await issueCertificate({ authority, role, name, hosts: [], now: epochMs(now) });
    return TlsCredentials.load({ ...files, caPath: trust.caPath });
  }

  /** A host whose network stops passing anything on, without closing a connection. */
  async function proxyTo(port: number) {
    let frozen = false;
    const sockets: Socket[] = [];
    const server = createServer((inside) => {
      const outside = tcpConnect(port, '127.0.0.1');
      for (const socket of [inside, outside]) {
        sockets.push(socket);
        socket.on('error', () => undefined);
        if (frozen) socket.pause();
      }
      inside.on('data', (chunk) => outside.write(chunk));
      outside.on('data', (chunk) => inside.write(chunk));
      inside.on('close', () => !frozen && outside.destroy());
      outside.on('close', () => !frozen && inside.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    return {
      port: typeof address === 'object' && address !== null ? address.port : 0,
      freeze: () => {
        frozen = true;
        for (const socket of sockets) socket.pause();
      },
      thaw: () => {
        frozen = false;
        for (const socket of sockets.splice(0)) socket.destroy();
      },
    };
  }
});

type PeerLinkUp = Parameters<PeerLinkOptions['onUp']>[0];

/** The next item that arrives in the list; it is taken out. */
async function next<T>(list: T[]): Promise<T> {
  await until(() => list.length > 0);
  return list.shift() as T;
}

async function until(condition: () => boolean, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not true within ${limitMs} ms`);
    await elapsed(5);
  }
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
