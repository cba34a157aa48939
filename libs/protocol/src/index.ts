export type * from './agent-messages.ts';
export { decode, encode } from './codec.ts';
export {
  ControllerFrame,
  type ControllerMessage,
  type DiskSpace,
  decodeControllerMessage,
  encodeControllerMessage,
  type GossipedPosition,
  type JoinAnswer,
  type SeatAnswer,
} from './controller-messages.ts';
export { directoryOf, incarnationOn, isOtherDirectory } from './directory-id.ts';
export { Fields, MalformedMessageError } from './fields.ts';
export {
  AgentFrame,
  channelOfFrame,
  type FrameChannel,
  LinkFrame,
  RaftFrame,
  SessionFrame,
} from './frame-types.ts';
export * from './guard-messages.ts';
export {
  DEFAULT_GUARD_TIMING,
  DEFAULT_WATCHDOG,
  type GuardSettings,
  GuardSettingsError,
  type GuardTiming,
  parseGuardSettings,
  SERVER_OF_OTHERS_EXIT_CODE,
  type WatchdogSettings,
} from './guard-settings.ts';
export {
  CHANNELS,
  type Channel,
  certificateMismatch,
  Feature,
  type Hello,
  type HelloExpectation,
  type HelloVerdict,
  judgeHello,
  type LinkRefusal,
  OWN_PROTOCOL,
  PEER_ROLES,
  type PeerIdentity,
  type PeerRole,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
  type ProtocolRange,
  type RefusalReason,
  type Welcome,
} from './hello.ts';
export {
  decodeHello,
  decodeRefusal,
  decodeWelcome,
  encodeHello,
  encodeRefusal,
  encodeWelcome,
} from './hello-codec.ts';
export { LOCAL_FRAME_MAX_BYTES, LocalFrameReader, localFrame } from './local-frames.ts';
export {
  isStrangeAnswer,
  LOCAL_REFUSALS,
  type LocalAnswer,
  type LocalNote,
  type LocalRefusal,
  type LocalRequest,
  packLocalAnswer,
  packLocalRequest,
  type StopMode,
  type StrangeRequest,
  strangeRequest,
  unpackLocalAnswer,
  unpackLocalRequest,
} from './local-messages.ts';
export {
  decodeMembership,
  encodeMembership,
  membershipFields,
  membershipOf,
} from './membership-codec.ts';
export { decodeRaftMessage, encodeRaftMessage } from './raft-messages.ts';
export * from './session-messages.ts';
