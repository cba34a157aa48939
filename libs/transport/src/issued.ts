import type { PeerIdentity } from '#libs/protocol';

/** The certificate authority of one group of controllers, in a directory of its own. */
export type Authority = {
  readonly directory: string;
  /** 16 hexadecimal digits, made with the authority. */
  readonly groupId: string;
  readonly caPath: string;
};

export type IssuedCertificate = {
  readonly identity: PeerIdentity;
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
};
