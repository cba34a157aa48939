import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, epochMs, monotonicMs, seededPrng } from '#libs/kernel';
import { type Channel, type PeerRole } from '#libs/protocol';
import { createAuthority, issueCertificate } from './authority.ts';
import type { Authority } from './issued.ts';
import type { LinkSecurity } from './link-security.ts';
import { DEFAULT_LINK_TIMING, type LinkTiming } from './link-timing.ts';
import type { ChannelHandler, LinkSelf, PeerConnection } from './peer-connection.ts';
import { PeerLink, type PeerLinkOptions } from './peer-link.ts';
import { PeerServer, type PeerServerOptions } from './peer-server.ts';
import { TlsCredentials } from './tls-credentials.ts';

export const NOW = epochMs(Date.now());
const CLOCK: Clock = {
  nowMs: () => epochMs(Date.now()),
  monotonicMs: () => monotonicMs(performance.now()),
  bootMs: () => monotonicMs(performance.now()),
};
export const TIMING: LinkTiming = {
  ...DEFAULT_LINK_TIMING,
  connectTimeoutMs: 5_000,
  helloTimeoutMs: 1_000,
  pingAfterMs: 100,
  peerSilenceMs: 600,
  reconnectMinMs: 10,
  reconnectMaxMs: 40,
  reconnectCalmMinMs: 20,
  reconnectCalmMaxMs: 40,
  reconnectCrowdMinMs: 40,
  reconnectCrowdMaxMs: 80,
};
export const PLAIN: LinkSecurity = { kind: 'plain-for-benchmark' };

export type ServerSetup = {
  security?: LinkSecurity;
  authority?: Authority;
  port?: number;
  connectionsMax?: number;
};

export type LinkSetup = {
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
  layAside: NonNullable<PeerLinkOptions['layAside']>;
};

type PeerLinkUp = Parameters<PeerLinkOptions['onUp']>[0];

/** Real servers and links of two authorities on this host; what it opens, `close` ends. */
export class LinkEnds {
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  private constructor(
    readonly directory: string,
    readonly ours: Authority,
    readonly other: Authority,
  ) {}

  static async make(): Promise<LinkEnds> {
    const directory = await mkdtemp(join(tmpdir(), 'link-ends-'));
    const ours = await createAuthority({ directory: join(directory, 'ours'), now: NOW });
    const other = await createAuthority({ directory: join(directory, 'other'), now: NOW });
    return new LinkEnds(directory, ours, other);
  }

  /** Ends what the last test opened. */
  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true });
  }

  onClose(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  async listen(setup: ServerSetup) {
    const authority = setup.authority ?? this.ours;
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
    const credentials = await this.credentialsOf(authority, 'controller', 'one', NOW);
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
    this.#cleanups.push(() => server.close());
    return { server, port: server.port, refused, closed, connections };
  }

  async linkTo(port: number, setup: Partial<LinkSetup>) {
    const authority = setup.authority ?? this.ours;
    const issuedAt = epochMs(setup.issuedAt ?? NOW);
    const credentials = await this.credentialsOf(
      authority,
      setup.role ?? 'guard',
      'shop/pg1',
      issuedAt,
      setup.trust,
    );
    const self: LinkSelf = {
      groupId: setup.groupId ?? this.ours.groupId,
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
      layAside: setup.layAside,
      onFrame: (type, body) => frames.push({ type, body: Array.from(body) }),
      onUp: (peer) => ups.push(peer),
      onDown: (cause) => downs.push(cause),
    });
    this.#cleanups.push(() => link.stop());
    link.start();
    return {
      link,
      frames,
      downs,
      up: () => next(ups),
      down: () => next(downs),
    };
  }

  async credentialsOf(
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
  async proxyTo(port: number) {
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
    this.#cleanups.push(() => {
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
}

/** The next item that arrives in the list; it is taken out. */
async function next<T>(list: T[]): Promise<T> {
  await until(() => list.length > 0);
  return list.shift() as T;
}

export async function until(condition: () => boolean, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not true within ${limitMs} ms`);
    await elapsed(5);
  }
}

export function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
