import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { parseIdentityUri } from '#libs/transport';

/** Who orders, by a verified client certificate; or why nobody, with what was presented instead. */
export type Operator =
  | { readonly name: string; readonly whyNot: null }
  | { readonly name: null; readonly whyNot: string };

export function operatorOf({ socket }: IncomingMessage, groupId: string): Operator {
  const nobody = (whyNot: string): Operator => ({ name: null, whyNot });
  if (!(socket instanceof TLSSocket)) return nobody('this came over HTTP');
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return nobody('none was presented');
  const names = certificate.subjectAltName?.split(', ') ?? [];
  const uris = names.filter((name) => name.startsWith('URI:urn:matriarch:'));
  const [only] = uris;
  const identity =
    only === undefined || uris.length > 1 ? null : parseIdentityUri(only.slice('URI:'.length));
  const whose =
    identity === null ? 'the one presented' : `that of ${identity.role} ${identity.name}`;
  if (!socket.authorized) {
    // Node gives the code of OpenSSL here, whatever its types say.
    const code = String(socket.authorizationError);
    if (code === 'CERT_HAS_EXPIRED') return nobody(`${whose} ended at ${certificate.validTo}`);
    return nobody(`${whose} is not of this controller's authority (${code})`);
  }
  if (identity === null) return nobody('the one presented was not made by `matriarch certs`');
  if (identity.groupId !== groupId) return nobody(`${whose} is of other controllers`);
  if (identity.role !== 'operator') return nobody(`${whose} was presented`);
  return { name: identity.name, whyNot: null };
}
