export { type AnnouncedLeader, announcedAfterMs } from './announced-after.ts';
export { missesRenewals } from './at-rest.ts';
export { DecisionLoop } from './decision-loop.ts';
export { ExpiryWatch, type OtherControllers } from './expiry-watch.ts';
export type { GuardIdentity, GuardLink } from './guard-link.ts';
export { LeaseLook } from './lease-look.ts';
export type { Log } from './log.ts';
export type { Bearer } from './name-claims.ts';
export { ParameterCatalogs } from './parameter-catalogs.ts';
export { PositionGossip } from './position-gossip.ts';
export { ProposalIntake } from './proposal-intake.ts';
export type { ProposalCounts, ProposalLoss, ProposalOwner } from './proposals.ts';
export {
  type AgentSpeech,
  type LevelledLog,
  ProtocolSwitch,
  ProtocolTooOldError,
} from './protocol-switch.ts';
export { Releases } from './releases.ts';
export { RENEWALS_PER_SECOND } from './renewal-interval.ts';
export { Renewals } from './renewals.ts';
export { proposeCommand, type ReplicatedLog } from './replicated-log.ts';
export { type RoundOwner, type RoundPace, RoundScheduler } from './round-scheduler.ts';
export { Service } from './service.ts';
export { CHECK_EVERY_MS, StateWatch, type WatchedLog } from './state-watch.ts';
export { TurnBudget } from './turn-budget.ts';
