import type { EpochMs } from '#libs/kernel';
import type { PeerRole } from '#libs/protocol';
import type { Authority, IssuedCertificate } from './issued.ts';

/*
 * The X.509 library costs a guard more memory than all the rest of it, so it is loaded by the first
 * call and by nothing else.
 */

/**
 * Makes `ca.crt` and `ca.key` (0600, valid for ten years) and a new group id.
 *
 * @throws EEXIST when the directory has an authority already
 */
export async function createAuthority(request: {
  readonly directory: string;
  readonly now: EpochMs;
}): Promise<Authority> {
  const { makeAuthority } = await import('./certificate-authority.ts');
  return makeAuthority(request.directory, request.now);
}

/** @throws CertificateError, ENOENT */
export async function openAuthority(directory: string): Promise<Authority> {
  const { loadAuthority } = await import('./certificate-authority.ts');
  return loadAuthority(directory);
}

/**
 * Writes `<role>-<name with / as ->.crt` and `.key` (0600), valid for 825 days, over older ones.
 * `name` is `<cluster>/<instance>` for agents and guards.
 *
 * @throws CertificateError
 */
export async function issueCertificate(request: {
  readonly authority: Authority;
  readonly role: PeerRole;
  readonly name: string;
  /** DNS names and addresses, for other tools; our own links look at the identity only. */
  readonly hosts: readonly string[];
  /** Where the files go; beside the authority when left out. */
  readonly directory?: string;
  readonly now: EpochMs;
  readonly validDays?: number;
}): Promise<IssuedCertificate> {
  const { issueLeaf } = await import('./certificate-authority.ts');
  return issueLeaf({ ...request, directory: request.directory ?? request.authority.directory });
}
