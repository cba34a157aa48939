import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { PeerIdentity } from '#libs/protocol';
import { CertificateError, LinkTimeoutError } from './errors.ts';
import { identityOfCertificate } from './identity-uri.ts';
import type { LinkSecurity } from './link-security.ts';

export type DialOptions = {
  readonly host: string;
  readonly port: number;
  readonly security: LinkSecurity;
  readonly connectTimeoutMs: number;
  /** Of an earlier connection to the same place. */
  readonly session: Buffer | null;
  readonly onSession: (session: Buffer) => void;
};

export type Dialled = {
  readonly socket: Socket;
  /** From the verified certificate; null on a plain link. */
  readonly certificate: PeerIdentity | null;
};

export type Dialling = {
  readonly done: Promise<Dialled>;
  /** Ends the attempt; `done` rejects. */
  readonly abort: (cause: Error) => void;
};

const TCP_KEEPALIVE_AFTER_MS = 5_000;

/**
 * Connects once: TCP, and the TLS handshake unless plain. Whom the certificate speaks for is told, not
 * judged; the host name plays no part, since an identity is a name in our group.
 */
export function dial(options: DialOptions): Dialling {
  const { security, connectTimeoutMs } = options;
  const plain = security.kind === 'plain-for-benchmark';
  const socket = plain ? connectPlain(options.port, options.host) : secureSocket(options, security);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TCP_KEEPALIVE_AFTER_MS);
  const done = new Promise<Dialled>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy(new LinkTimeoutError('no connection', 'connectTimeoutMs', connectTimeoutMs));
    }, connectTimeoutMs);
    const fail = (cause?: Error | boolean): void => {
      clearTimeout(timer);
      reject(cause instanceof Error ? cause : new Error('closed while connecting'));
    };
    socket.once('error', fail);
    socket.once('close', fail);
    socket.once(plain ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      socket.off('close', fail);
      socket.off('error', fail);
      const certificate = plain ? null : peerIdentity(socket as TLSSocket);
      if (certificate instanceof Error) {
        socket.destroy();
        reject(certificate);
      } else {
        resolve({ socket, certificate });
      }
    });
  });
  return { done, abort: (cause) => socket.destroy(cause) };
}

function secureSocket(
  options: DialOptions,
  security: LinkSecurity & { readonly kind: 'mutual-tls' },
): TLSSocket {
  const { host, port, session, onSession } = options;
  const socket = connectTls({
    secureContext: security.credentials.context,
    minVersion: 'TLSv1.3',
    host,
    port,
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
    ...(session === null ? {} : { session }),
  });
  socket.on('session', onSession);
  return socket;
}

function peerIdentity(socket: TLSSocket): PeerIdentity | Error {
  const certificate = socket.getPeerX509Certificate();
  const identity = certificate === undefined ? null : identityOfCertificate(certificate);
  return (
    identity ?? new CertificateError("the peer's certificate", 'it carries no identity of ours')
  );
}
