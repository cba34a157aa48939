import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochMs } from '#libs/kernel';
import { createAuthority, issueCertificate, openAuthority } from './authority.ts';
import { identityOfCertificate, identityUri, parseIdentityUri } from './identity-uri.ts';
import type { Authority } from './issued.ts';
import { TlsCredentials } from './tls-credentials.ts';

const NOW = epochMs(Date.parse('2026-03-01T00:00:00Z'));
const DAY_MS = 86_400_000;

describe('certificates', () => {
  let directory: string;
  let authority: Authority;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'certificates-'));
    authority = await createAuthority({ directory, now: NOW });
  });

  afterAll(() => rm(directory, { recursive: true }));

  it('an authority has a group id, a private key for its owner only, and is never overwritten', async () => {
    expect(authority.groupId).toMatch(/^[0-9a-f]{16}$/);
    expect((await stat(join(directory, 'ca.key'))).mode & 0o777).toBe(0o600);
    expect(await openAuthority(directory)).toEqual(authority);
    await expect(createAuthority({ directory, now: NOW })).rejects.toMatchObject({
      code: 'EEXIST',
    });
  });

  it('a certificate carries identity, hosts and its term', async () => {
    const issued = await issueCertificate({
      authority,
      role: 'guard',
      name: 'shop/pg1',
      hosts: ['db1.example', '10.0.0.1', '::1'],
      now: NOW,
    });
    expect(issued.certPath).toBe(join(directory, 'guard-shop-pg1.crt'));
    expect((await stat(issued.keyPath)).mode & 0o777).toBe(0o600);
    const certificate = new X509Certificate(await readFile(issued.certPath));
    const root = new X509Certificate(await readFile(authority.caPath));
    expect(identityOfCertificate(certificate)).toEqual(issued.identity);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.subjectAltName).toContain('DNS:db1.example');
    expect(certificate.subjectAltName).toContain('IP Address:10.0.0.1');
    expect(Date.parse(certificate.validTo)).toBe(NOW + 825 * DAY_MS);
    expect(Date.parse(root.validTo)).toBe(NOW + 3_650 * DAY_MS);
    expect((await TlsCredentials.load(issued)).identity).toEqual(issued.identity);
  });

  it.each(['Shop', '', '../x', 'a b', 'a,URI:urn:matriarch:x'])(
    'refuses the name %j',
    async (name) => {
      const request = { authority, role: 'agent' as const, name, hosts: [], now: NOW };
      await expect(issueCertificate(request)).rejects.toMatchObject({ code: 'BAD_CERTIFICATE' });
    },
  );

  it('refuses files that do not belong together', async () => {
    const request = { authority, hosts: [], now: NOW };
    const one = await issueCertificate({ ...request, role: 'controller', name: 'one' });
    const two = await issueCertificate({ ...request, role: 'controller', name: 'two' });
    const mixed = { ...one, keyPath: two.keyPath };
    await expect(TlsCredentials.load(mixed)).rejects.toMatchObject({ code: 'BAD_CERTIFICATE' });
    const none = { ...one, certPath: join(directory, 'none.crt') };
    await expect(TlsCredentials.load(none)).rejects.toMatchObject({ code: 'BAD_CERTIFICATE' });
    await expect(TlsCredentials.load({ ...one, certPath: one.caPath })).rejects.toMatchObject({
      code: 'BAD_CERTIFICATE',
    });
  });

  it.each([
    'urn:matriarch:0011223344556677:guard:shop/pg1',
    'urn:matriarch:0011223344556677:controller:one',
  ])('reads %s back', (uri) => {
    const identity = parseIdentityUri(uri);
    expect(identity === null ? null : identityUri(identity)).toBe(uri);
  });

  it.each([
    'urn:matriarch:0011:guard:shop/pg1',
    'urn:matriarch:0011223344556677:root:shop/pg1',
    'urn:matriarch:0011223344556677:guard:',
    'urn:matriarch:0011223344556677:guard:shop/pg1 ',
  ])('takes %j for no identity', (uri) => {
    expect(parseIdentityUri(uri)).toBeNull();
  });
});
