import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { parseIdentityUri } from '#libs/transport';

/** Names the operator that a verified client certificate speaks for; null for everybody else. */
export function operatorOf(request: IncomingMessage, groupId: string): string | null {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const names = socket.getPeerX509Certificate()?.subjectAltName?.split(', ') ?? [];
  const uris = names.filter((name) => name.startsWith('URI:urn:matriarch:'));
  const [only] = uris;
  if (only === undefined || uris.length > 1) return null;
  const identity = parseIdentityUri(only.slice('URI:'.length));
  if (identity?.groupId !== groupId || identity.role !== 'operator') return null;
  return identity.name;
}
