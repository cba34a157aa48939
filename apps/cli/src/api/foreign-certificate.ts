import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { TlsFiles } from '#libs/config';

/** What is wrong between two authorities, and the way out. */
export type ForeignCertificate = { readonly why: string; readonly wayOut: string };

const READ_LIMIT_MS = 2_000;

/** The error codes of Node's TLS for a server whose certificate our authority did not issue. */
const THEIRS: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
]);
/** And for a server that says so of ours. */
const OURS: ReadonlySet<string> = new Set([
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
]);

/** Null: the failure has nothing to do with the authority of either. */
export async function foreignCertificate(
  code: string | undefined,
  url: URL,
  tls: TlsFiles | null,
): Promise<ForeignCertificate | null> {
  if (tls === null || code === undefined) return null;
  if (THEIRS.has(code)) {
    const shown = await presented(url, tls);
    const theirs = shown === null ? 'its certificate' : `its certificate (${nameOf(shown)})`;
    return {
      why: `${theirs} is not of the authority in --ca (${subjectOf(read(tls.ca))})`,
      wayOut:
        'name the ca.crt of the authority that issued the certificates of these controllers, and a ' +
        'certificate of the same one, with --certs or --ca, --cert and --key; or the controllers of ' +
        'your own authority with --api',
    };
  }
  if (!OURS.has(code)) return null;
  return {
    why: `it does not accept the certificate in --cert (${nameOf(read(tls.cert))}): it comes from another authority`,
    wayOut:
      'name an operator certificate of the authority of these controllers with --certs or --cert and --key',
  };
}

/** The connection that failed tells of it no more: another one looks at it, and says nothing. */
function presented(url: URL, { cert, key, ca }: TlsFiles): Promise<X509Certificate | null> {
  return new Promise((resolve) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = Number(url.port === '' ? 443 : url.port);
    const socket = connect({ host, port, cert, key, ca, rejectUnauthorized: false });
    const settle = (shown: X509Certificate | null): void => {
      socket.destroy();
      resolve(shown);
    };
    socket.setTimeout(READ_LIMIT_MS, () => settle(null));
    socket.once('secureConnect', () => settle(socket.getPeerX509Certificate() ?? null));
    socket.once('error', () => settle(null));
  });
}

function read(pem: string | Buffer): X509Certificate {
  return new X509Certificate(pem);
}

function nameOf(certificate: X509Certificate): string {
  return `${subjectOf(certificate)}, issued by ${oneLine(certificate.issuer)}`;
}

function subjectOf({ subject }: X509Certificate): string {
  return oneLine(subject);
}

function oneLine(name: string): string {
  return name.split('\n').join(', ');
}
