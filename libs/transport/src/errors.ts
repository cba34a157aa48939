import { DomainError } from '#libs/kernel';
import type { LinkRefusal, PeerIdentity } from '#libs/protocol';

/** Bytes on a link that are no frame of ours: the link is closed. */
export class FrameError extends DomainError {
  readonly code = 'BAD_FRAME';

  constructor(rule: string) {
    super(`the peer does not speak our framing: ${rule}`);
  }
}

/** The other side refused the hello, or this side refuses what the other says it is. */
export class LinkRefusedError extends DomainError {
  readonly code = 'LINK_REFUSED';

  constructor(
    peer: string,
    readonly refusal: LinkRefusal,
  ) {
    super(`link with ${peer} refused (${refusal.reason}): ${refusal.detail}`);
  }
}

/** A named limit of time passed. */
export class LinkTimeoutError extends DomainError {
  readonly code = 'LINK_TIMEOUT';

  constructor(what: string, limit: string, limitMs: number) {
    super(`${what} (${limit} ${limitMs} ms)`);
  }
}

/** A certificate without our identity in it, or files that do not belong together. */
export class CertificateError extends DomainError {
  readonly code = 'BAD_CERTIFICATE';

  constructor(file: string, rule: string, options?: { cause?: unknown }) {
    super(`${file}: ${rule}; issue it anew with 'matriarch certs issue'`, options);
  }
}

/** The certificate is somebody else's: with it this process would speak, and act, for that one. */
export class ForeignCertificateError extends DomainError {
  readonly code = 'FOREIGN_CERTIFICATE';

  constructor(
    file: string,
    found: PeerIdentity,
    { role, name }: Pick<PeerIdentity, 'role' | 'name'>,
  ) {
    super(
      `${file} is the certificate of ${found.role} '${found.name}', this is ${role} '${name}': ` +
        `make one with \`matriarch certs issue --role ${role} --name ${name}\``,
    );
  }
}
