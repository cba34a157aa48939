import type { X509Certificate } from 'node:crypto';
import { PEER_ROLES, type PeerIdentity } from '#libs/protocol';

/**
 * Who a certificate speaks for, as a URI among its subject alternative names:
 * `urn:matriarch:<groupId>:<role>:<name>`.
 */
export function identityUri(identity: PeerIdentity): string {
  return `urn:matriarch:${identity.groupId}:${identity.role}:${identity.name}`;
}

const IDENTITY = /^urn:matriarch:([0-9a-f]{16}):([a-z]+):([a-z0-9][a-z0-9/_.-]{0,99})$/;

/** Null for anything that is not exactly one of our URIs. */
export function parseIdentityUri(uri: string): PeerIdentity | null {
  const match = IDENTITY.exec(uri);
  if (match === null) return null;
  const role = PEER_ROLES.find((known) => known === match[2]);
  const [, groupId, , name] = match;
  if (role === undefined || groupId === undefined || name === undefined) return null;
  return { groupId, role, name };
}

/** The one identity of a certificate; null when there is none, or more than one. */
export function identityOfCertificate(certificate: X509Certificate): PeerIdentity | null {
  const names = (certificate.subjectAltName ?? '').split(', ');
  const ours = names.filter((name) => name.startsWith('URI:urn:matriarch:'));
  const [only] = ours;
  if (only === undefined || ours.length > 1) return null;
  return parseIdentityUri(only.slice('URI:'.length));
}
