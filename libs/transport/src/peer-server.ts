import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import type { Clock } from '#libs/kernel';
import {
  CHANNELS,
  type Channel,
  type LinkRefusal,
  OWN_PROTOCOL,
  type PeerIdentity,
} from '#libs/protocol';
import { AcceptedLink } from './accepted-link.ts';
import { LinkRefusedError, LinkTimeoutError } from './errors.ts';
import { addressOf, HandshakeQueue } from './handshake-queue.ts';
import { identityOfCertificate } from './identity-uri.ts';
import type { LinkSecurity } from './link-security.ts';
import { DEFAULT_LINK_TIMING, type LinkTiming } from './link-timing.ts';
import type { AcceptChannel, LinkSelf } from './peer-connection.ts';
import { ticketKeysOf } from './ticket-keys.ts';
import { trustProblem } from './trust-problem.ts';

export type RefusedLink = { readonly remoteAddress: string; readonly cause: Error };

export type PeerServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly security: LinkSecurity;
  readonly self: LinkSelf;
  readonly channels: Partial<Record<Channel, AcceptChannel>>;
  readonly clock: Clock;
  readonly timing?: LinkTiming;
  readonly connectionsMax?: number;
  /** Every connection that did not become a link, with the reason; for the log. */
  readonly onRefused: (refused: RefusedLink) => void;
};

const CONNECTIONS_MAX = 20_000;
/** From so many links on guards are a crowd (docs/adr/0012); they are asked to renew more seldom from 2,240 on. */
const CROWD_LINKS = 2_500;
/** No keepalive of TCP's: liveness asks by itself, and thousands of quiet links cost half as many probes as renewals. */
const SOCKET_OPTIONS = { noDelay: true };
/** Resumed sessions skip the certificate chain: keep them short. */
const SESSION_SECONDS = 300;

function sessionsOf(options: SecureContextOptions) {
  return { ...options, ticketKeys: ticketKeysOf(options), sessionTimeout: SESSION_SECONDS };
}

/** Listens for controllers, guards, agents and operators on one port. */
export class PeerServer {
  readonly #server: Server;
  readonly #links = new Set<AcceptedLink>();
  readonly #timing: LinkTiming;
  readonly #handshakes: HandshakeQueue | null;
  readonly #stopReloading: () => void;
  #closing = false;

  private constructor(private readonly options: PeerServerOptions) {
    this.#timing = options.timing ?? DEFAULT_LINK_TIMING;
    const { security, clock } = options;
    if (security.kind === 'plain-for-benchmark') {
      this.#server = createServer(SOCKET_OPTIONS, (socket) => this.#greet(socket, null));
      this.#handshakes = null;
      this.#stopReloading = () => undefined;
      return;
    }
    const secure = this.#secureServer(security);
    const handshakes = new HandshakeQueue({
      clock,
      waitMaxMs: this.#timing.connectTimeoutMs,
      begin: (socket) => secure.emit('connection', socket),
      onDropped: (remoteAddress) => this.#tooMany(remoteAddress),
    });
    secure.on('secureConnection', (socket) => {
      handshakes.ended(addressOf(socket));
      this.#identify(socket);
    });
    const paused = { ...SOCKET_OPTIONS, pauseOnConnect: true };
    this.#server = createServer(paused, (socket) => handshakes.add(socket));
    this.#handshakes = handshakes;
    this.#stopReloading = security.credentials.onReload((next) => {
      secure.setSecureContext(sessionsOf(next));
    });
  }

  /** It has no port of its own: connections are handed to it when it is their turn. */
  #secureServer(security: LinkSecurity & { readonly kind: 'mutual-tls' }): TlsServer {
    const server = createTlsServer({
      ...sessionsOf(security.credentials.options),
      requestCert: true,
      // Checked in #identify: with true, Node ends the connection without telling why.
      rejectUnauthorized: false,
      handshakeTimeout: this.#timing.connectTimeoutMs,
    });
    server.on('tlsClientError', (cause, socket) => this.#refuse(socket, cause));
    return server;
  }

  /** Resolves once the port is open. */
  static async listen(options: PeerServerOptions): Promise<PeerServer> {
    const peers = new PeerServer(options);
    const server = peers.#server;
    server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return peers;
  }

  get port(): number {
    const address = this.#server.address() as AddressInfo | null;
    return address?.port ?? 0;
  }

  get linkCount(): number {
    return this.#links.size;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#stopReloading();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#handshakes?.close();
    for (const link of this.#links) link.close(null);
    await closed;
  }

  #identify(socket: TLSSocket): void {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
    if (certificate === undefined) {
      const reason = String(socket.authorizationError ?? 'no certificate');
      const detail = trustProblem(reason) ?? `not trusted here: ${reason}`;
      this.#refuse(socket, this.#untrusted(socket, detail));
      return;
    }
    const identity = identityOfCertificate(certificate);
    if (identity === null) {
      this.#refuse(socket, this.#untrusted(socket, 'it carries no identity of ours'));
    } else if (Date.parse(certificate.validTo) < this.options.clock.nowMs()) {
      this.#refuse(socket, this.#untrusted(socket, `expired at ${certificate.validTo}`));
    } else {
      this.#greet(socket, identity);
    }
  }

  #greet(socket: Socket, certificate: PeerIdentity | null): void {
    // Its handshake ended after the close began, which would wait for it for ever.
    if (this.#closing) {
      socket.destroy();
      return;
    }
    const { self, channels, clock } = this.options;
    const link = new AcceptedLink(socket, {
      self,
      clock,
      channels,
      timing: this.#timing,
      inCrowd: () => this.#links.size >= CROWD_LINKS,
      expected: {
        groupId: self.groupId,
        channels: CHANNELS.filter((channel) => channels[channel] !== undefined),
        certificate,
        protocol: self.speaks ?? OWN_PROTOCOL,
      },
      onRefused: (cause) => this.options.onRefused({ remoteAddress: addressOf(socket), cause }),
      onGone: () => this.#links.delete(link),
    });
    this.#links.add(link);
  }

  #untrusted(socket: Socket, detail: string): LinkRefusedError {
    const refusal: LinkRefusal = { reason: 'certificate', detail };
    return new LinkRefusedError(addressOf(socket), refusal);
  }

  #tooMany(remoteAddress: string): void {
    const { connectTimeoutMs } = this.#timing;
    const cause = new LinkTimeoutError('no turn came', 'connectTimeoutMs', connectTimeoutMs);
    this.options.onRefused({ remoteAddress, cause });
  }

  #refuse(socket: Socket, cause: Error): void {
    this.options.onRefused({ remoteAddress: addressOf(socket), cause });
    socket.destroy();
  }
}
