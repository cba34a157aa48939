import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { messageOf } from '#libs/kernel';
import type { PeerIdentity } from '#libs/protocol';
import { CertificateError, ForeignCertificateError } from './errors.ts';
import { identityOfCertificate } from './identity-uri.ts';

export type CredentialFiles = {
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
};

type Loaded = {
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
  readonly identity: PeerIdentity;
  readonly validToMs: number;
};

/** Own certificate, key and authority. Re-read with `reload`: new links use the new files, old ones stay. */
export class TlsCredentials {
  readonly #listeners = new Set<(options: SecureContextOptions) => void>();

  private constructor(
    private readonly files: CredentialFiles,
    private loaded: Loaded,
  ) {}

  /** @throws CertificateError */
  static async load(files: CredentialFiles): Promise<TlsCredentials> {
    return new TlsCredentials(files, await readCredentials(files));
  }

  /** @throws CertificateError, ForeignCertificateError when they are another process's */
  static async loadFor(
    own: Pick<PeerIdentity, 'role' | 'name'>,
    files: CredentialFiles,
  ): Promise<TlsCredentials> {
    const credentials = await TlsCredentials.load(files);
    const { identity } = credentials;
    if (identity.role === own.role && identity.name === own.name) return credentials;
    throw new ForeignCertificateError(files.certPath, identity, own);
  }

  /** Who this process is. */
  get identity(): PeerIdentity {
    return this.loaded.identity;
  }

  get certPath(): string {
    return this.files.certPath;
  }

  /** End of the certificate's validity, wall clock. */
  get validToMs(): number {
    return this.loaded.validToMs;
  }

  /** For a server, which makes its own context. */
  get options(): SecureContextOptions {
    return this.loaded.options;
  }

  /** For clients: parsing keys takes OpenSSL longer than a handshake, so it is done once. */
  get context(): SecureContext {
    return this.loaded.context;
  }

  /** @throws CertificateError when the new files do not serve; the old ones stay in use */
  async reload(): Promise<void> {
    const next = await readCredentials(this.files);
    const { identity } = next;
    if (identity.groupId !== this.identity.groupId || identity.name !== this.identity.name) {
      throw new CertificateError(this.files.certPath, 'it is for another group or name');
    }
    this.loaded = next;
    for (const listener of this.#listeners) listener(next.options);
  }

  /** @returns a function that ends it */
  onReload(listener: (options: SecureContextOptions) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

async function readCredentials(files: CredentialFiles): Promise<Loaded> {
  const [ca, cert, key] = await Promise.all([
    readPem(files.caPath),
    readPem(files.certPath),
    readPem(files.keyPath),
  ]);
  const options: SecureContextOptions = { ca, cert, key, minVersion: 'TLSv1.3' };
  const context = parsed(files.certPath, () => createSecureContext(options));
  const certificate = parsed(files.certPath, () => new X509Certificate(cert));
  const identity = identityOfCertificate(certificate);
  if (identity === null) {
    throw new CertificateError(files.certPath, 'it carries no identity of ours');
  }
  return { options, context, identity, validToMs: Date.parse(certificate.validTo) };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new CertificateError(path, messageOf(cause), { cause });
  }
}

function parsed<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new CertificateError(file, messageOf(cause), { cause });
  }
}
