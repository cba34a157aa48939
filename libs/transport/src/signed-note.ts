import { createPrivateKey, type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { DomainError, type EpochMs, messageOf } from '#libs/kernel';
import type { PeerIdentity } from '#libs/protocol';
import { identityOfCertificate } from './identity-uri.ts';
import type { TlsCredentials } from './tls-credentials.ts';

/** A text with the certificate of who says it; both sides prove themselves without a TLS port of their own. */
export type SignedNote = {
  readonly text: string;
  /** PEM. */
  readonly certificate: string;
  /** Of `text`, base64. */
  readonly signature: string;
};

export type ReadNote = { readonly from: PeerIdentity; readonly text: string };

/** A note that nobody of this group signed. */
export class NoteNotTrustedError extends DomainError {
  readonly code = 'NOTE_NOT_TRUSTED';

  constructor(why: string, options?: { cause?: unknown }) {
    super(`the note is not taken: ${why}`, options);
  }
}

/** Signs as this process and reads what other processes of the same group signed. */
export class SignedNotes {
  constructor(
    private readonly credentials: Pick<TlsCredentials, 'identity' | 'options'>,
    private readonly nowMs: () => EpochMs,
  ) {}

  get identity(): PeerIdentity {
    return this.credentials.identity;
  }

  sign(text: string): SignedNote {
    const { cert, key } = this.credentials.options;
    const privateKey = createPrivateKey(pemOf(key));
    const signature = sign(digestFor(privateKey), Buffer.from(text), privateKey);
    return { text, certificate: pemOf(cert), signature: signature.toString('base64') };
  }

  /** @throws NoteNotTrustedError */
  read(note: unknown): ReadNote {
    const { text, certificate: pem, signature } = shapeOf(note);
    const certificate = parsed(pem);
    this.#checkTrust(certificate);
    const from = identityOfCertificate(certificate);
    if (from === null || from.groupId !== this.identity.groupId) {
      throw new NoteNotTrustedError('its certificate carries no identity of this group');
    }
    const { publicKey } = certificate;
    const signed = verify(
      digestFor(publicKey),
      Buffer.from(text),
      publicKey,
      Buffer.from(signature, 'base64'),
    );
    if (!signed) throw new NoteNotTrustedError(`${from.name} did not sign it`);
    return { from, text };
  }

  #checkTrust(certificate: X509Certificate): void {
    const authorities = authoritiesOf(pemOf(this.credentials.options.ca));
    const issued = authorities.some(
      (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
    );
    if (!issued) throw new NoteNotTrustedError('its certificate comes from another authority');
    const now = this.nowMs();
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) {
      throw new NoteNotTrustedError(`its certificate is valid until ${certificate.validTo} only`);
    }
  }
}

/** Ed25519 has its own digest. */
function digestFor({ asymmetricKeyType }: KeyObject): string | null {
  return asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

function authoritiesOf(bundle: string): X509Certificate[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function parsed(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new NoteNotTrustedError(`its certificate cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function shapeOf(note: unknown): SignedNote {
  if (typeof note === 'object' && note !== null) {
    const { text, certificate, signature } = note as Partial<SignedNote>;
    const all = [text, certificate, signature];
    if (all.every((part) => typeof part === 'string')) return note as SignedNote;
  }
  throw new NoteNotTrustedError('text, certificate and signature are needed');
}

function pemOf(material: unknown): string {
  if (typeof material === 'string') return material;
  if (material instanceof Uint8Array) return Buffer.from(material).toString('utf8');
  throw new NoteNotTrustedError('this process has no certificate of its own');
}
