import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { PeerIdentity } from '#libs/protocol';
import { CertificateError, LinkRefusedError, LinkTimeoutError } from './errors.ts';
import { identityOfCertificate } from './identity-uri.ts';
import type { LinkSecurity } from './link-security.ts';
import { trustProblem } from './trust-problem.ts';

export type DialOptions = {
  readonly host: string;
  readonly port: number;
  readonly security: LinkSecurity;
  readonly connectTimeoutMs: number;
  /** Of an earlier connection to the same place. */
  readonly resumable: ResumableSession | null;
  readonly onResumable: (session: ResumableSession) => void;
};

/**
 * A TLS session with the identity that was verified when it was made. The certificate does not travel
 * again when it is resumed (and Node forgets it): that the server knows the session's secret proves
 * that it is the same one.
 */
export type ResumableSession = { readonly session: Buffer; readonly identity: PeerIdentity };

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
      const detail = trustProblem(cause);
      if (detail !== null) {
        const peer = `${options.host}:${options.port}`;
        reject(new LinkRefusedError(peer, { reason: 'certificate', detail }));
      } else {
        reject(cause instanceof Error ? cause : new Error('closed while connecting'));
      }
    };
    socket.once('error', fail);
    socket.once('close', fail);
    socket.once(plain ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      socket.off('close', fail);
      socket.off('error', fail);
      const certificate = plain ? null : peerIdentity(socket as TLSSocket, options.resumable);
      if (certificate instanceof Error) {
        socket.destroy();
        reject(certificate);
      } else {
        if (certificate !== null) {
          socket.on('session', (session: Buffer) => {
            options.onResumable({ session, identity: certificate });
          });
        }
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
  const { host, port, resumable } = options;
  return connectTls({
    secureContext: security.credentials.context,
    minVersion: 'TLSv1.3',
    host,
    port,
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
    ...(resumable === null ? {} : { session: resumable.session }),
  });
}

function peerIdentity(
  socket: TLSSocket,
  resumable: ResumableSession | null,
): PeerIdentity | CertificateError {
  if (resumable !== null && socket.isSessionReused()) return resumable.identity;
  const certificate = socket.getPeerX509Certificate();
  const identity = certificate === undefined ? null : identityOfCertificate(certificate);
  return identity ?? new CertificateError("the peer's certificate", 'it has no identity of ours');
}
