export {
  type Command,
  type CommandResult,
  type Envelope,
  MalformedCommandError,
  packCommand,
  packEnvelope,
  type RejectionCode,
  UnknownEntryError,
  unpackCommand,
  unpackEnvelope,
} from './command.ts';
export { DigestPoll, type DigestReport, type DigestVerdict } from './digest-poll.ts';
export { type Applied, EventStore } from './event-store.ts';
export { clusterKey, credentialsKey, historyKey, outageKey, PREFIX, registerKey } from './keys.ts';
export type { StateWrite, StorePorts } from './ports.ts';
export { readRegister } from './registers.ts';
export { packResult, unpackResult } from './result.ts';
export { type Mark, type Oddity, StateChecks } from './state-checks.ts';
