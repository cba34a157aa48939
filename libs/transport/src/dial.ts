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
  /** When the peer ends the connection our side of it stays, until it is destroyed. */
  readonly allowHalfOpen?: boolean;
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

/**
 * Connects once: TCP, and the TLS handshake unless plain. Whom the certificate speaks for is told, not
 * judged; the host name plays no part, since an identity is a name in our group.
 */
export function dial(options: DialOptions): Dialling {
  const { security, connectTimeoutMs, port, host, allowHalfOpen = false } = options;
  const tcp = connectPlain({ port, host, allowHalfOpen });
  tcp.setNoDelay(true);
  let socket: Socket = tcp;
  const done = new Promise<Dialled>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy(new LinkTimeoutError('no connection', 'connectTimeoutMs', connectTimeoutMs));
    }, connectTimeoutMs);
    const fail = (cause?: Error | boolean): void => {
      clearTimeout(timer);
      const detail = trustProblem(cause);
      if (detail !== null) {
        const peer = `${host}:${port}`;
        reject(new LinkRefusedError(peer, { reason: 'certificate', detail }));
      } else {
        reject(cause instanceof Error ? cause : new Error('closed while connecting'));
      }
    };
    const watch = (watched: Socket): void => {
      watched.once('error', fail);
      watched.once('close', fail);
    };
    const connected = (certificate: PeerIdentity | null): void => {
      clearTimeout(timer);
      socket.off('close', fail);
      socket.off('error', fail);
      resolve({ socket, certificate });
    };
    watch(tcp);
    tcp.once('connect', () => {
      if (security.kind === 'plain-for-benchmark') {
        connected(null);
        return;
      }
      const secure = secureSocket(tcp, options, security);
      socket = secure;
      watch(secure);
      secure.once('secureConnect', () => {
        const certificate = peerIdentity(secure, options.resumable);
        if (certificate instanceof Error) {
          secure.destroy(certificate);
          return;
        }
        secure.on('session', (session: Buffer) => {
          options.onResumable({ session, identity: certificate });
        });
        connected(certificate);
      });
    });
  });
  return { done, abort: (cause) => socket.destroy(cause) };
}

/** Once TCP is connected: to prepare TLS for a port that refuses costs three times the attempt. */
function secureSocket(
  tcp: Socket,
  { resumable }: DialOptions,
  { credentials }: LinkSecurity & { readonly kind: 'mutual-tls' },
): TLSSocket {
  return connectTls({
    secureContext: credentials.context,
    minVersion: 'TLSv1.3',
    socket: tcp,
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
