import { X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { EpochMs } from '#libs/kernel';
import type { PeerRole } from '#libs/protocol';

import { CertificateError } from './errors.ts';
import { identityUri, parseIdentityUri } from './identity-uri.ts';
import type { Authority, IssuedCertificate } from './issued.ts';

const DAY_MS = 24 * 3_600_000;
const AUTHORITY_DAYS = 3_650;
/** What browsers and other tools accept at most. */
const LEAF_DAYS = 825;
/** Hosts whose clock is a little behind accept a new certificate too. */
const BACKDATED_MS = 3_600_000;
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING_ALGORITHM = { ...KEY_ALGORITHM, hash: 'SHA-256' } as const;
const GROUP_ID_BYTES = 8;
const GROUP_ID = /^CN=matriarch-([0-9a-f]{16})$/;
const SECRET = { mode: 0o600, flag: 'wx' } as const;
const PUBLIC = { mode: 0o644, flag: 'wx' } as const;

x509.cryptoProvider.set(webcrypto);

export async function makeAuthority(directory: string, now: EpochMs): Promise<Authority> {
  const groupId = randomBytes(GROUP_ID_BYTES).toString('hex');
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=matriarch-${groupId}`,
    keys,
    serialNumber: serialNumber(),
    ...validity(now, AUTHORITY_DAYS),
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { certPath, keyPath } = authorityPaths(directory);
  await writeFile(keyPath, await privatePem(keys.privateKey), SECRET);
  await writeFile(certPath, certificate.toString('pem'), PUBLIC);
  return { directory, groupId, caPath: certPath };
}

export async function loadAuthority(directory: string): Promise<Authority> {
  const { certPath } = authorityPaths(directory);
  const certificate = new NodeCertificate(await readFile(certPath));
  const groupId = GROUP_ID.exec(certificate.subject)?.[1];
  if (groupId === undefined) throw new CertificateError(certPath, 'it is no authority of ours');
  return { directory, groupId, caPath: certPath };
}

export async function issueLeaf(request: {
  readonly authority: Authority;
  readonly role: PeerRole;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly directory: string;
  readonly now: EpochMs;
  readonly validDays?: number;
}): Promise<IssuedCertificate> {
  const { authority, role, name, hosts, directory, now } = request;
  const issuer = await readIssuer(authority);
  const identity = { groupId: authority.groupId, role, name };
  const uri = identityUri(identity);
  if (parseIdentityUri(uri) === null) throw new CertificateError(uri, 'the name is not usable');
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [`${role} ${name}`] }],
    issuer: issuer.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: issuer.key,
    serialNumber: serialNumber(),
    ...validity(now, request.validDays ?? LEAF_DAYS),
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: uri },
        ...hosts.map(hostName),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
    ],
  });
  const stem = join(directory, `${role}-${name.replaceAll('/', '-')}`);
  const paths = { certPath: `${stem}.crt`, keyPath: `${stem}.key` };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(paths.keyPath, await privatePem(keys.privateKey), { ...SECRET, flag: 'w' });
  await writeFile(paths.certPath, certificate.toString('pem'), { ...PUBLIC, flag: 'w' });
  return { identity, caPath: authority.caPath, ...paths };
}

async function readIssuer(
  authority: Authority,
): Promise<{ readonly certificate: x509.X509Certificate; readonly key: webcrypto.CryptoKey }> {
  const { certPath, keyPath } = authorityPaths(authority.directory);
  const certificate = new x509.X509Certificate(await readFile(certPath, 'utf8'));
  const [pkcs8] = x509.PemConverter.decode(await readFile(keyPath, 'utf8'));
  if (pkcs8 === undefined) throw new CertificateError(keyPath, 'it holds no key');
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, KEY_ALGORITHM, false, ['sign']);
  return { certificate, key };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`;
}

function hostName(host: string): x509.JsonGeneralName {
  return { type: isIP(host) === 0 ? 'dns' : 'ip', value: host };
}

function validity(now: EpochMs, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - BACKDATED_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** Positive, as X.509 asks for. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function authorityPaths(directory: string): {
  readonly certPath: string;
  readonly keyPath: string;
} {
  return { certPath: join(directory, 'ca.crt'), keyPath: join(directory, 'ca.key') };
}
