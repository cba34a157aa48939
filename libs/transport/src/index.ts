export { createAuthority, issueCertificate, openAuthority } from './authority.ts';
export { expiryProblem } from './certificate-expiry.ts';
export { CHANNEL_LIMITS } from './channel-limits.ts';
export { DownTelling } from './down-telling.ts';
export {
  CertificateError,
  FrameError,
  LinkRefusedError,
  LinkTimeoutError,
} from './errors.ts';
export {
  FramedSocket,
  type FramedSocketEvents,
  type FramedSocketLimits,
} from './framed-socket.ts';
export { identityUri, parseIdentityUri } from './identity-uri.ts';
export type { Authority, IssuedCertificate } from './issued.ts';
export type { LinkSecurity } from './link-security.ts';
export {
  DEFAULT_LINK_TIMING,
  type LinkNeed,
  type LinkTime,
  type LinkTiming,
} from './link-timing.ts';
export type {
  AcceptChannel,
  ChannelHandler,
  LinkSelf,
  Peer,
  PeerConnection,
} from './peer-connection.ts';
export { PeerLink, type PeerLinkOptions, type PeerLinkState } from './peer-link.ts';
export { PeerServer, type PeerServerOptions, type RefusedLink } from './peer-server.ts';
export { everyShared, onNextBeat } from './shared-interval.ts';
export { NoteNotTrustedError, type SignedNote, SignedNotes } from './signed-note.ts';
export { tendCertificate } from './tend-certificate.ts';
export { type CredentialFiles, TlsCredentials } from './tls-credentials.ts';
