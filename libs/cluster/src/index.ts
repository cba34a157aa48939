export { accessThatSays, NO_ACCESS_OVERRIDES, specialLines } from './access.ts';
export type { AccessLines, AccessOverrides } from './access-lines.ts';
export { admit } from './admit.ts';
export { isTakenOver } from './adoption.ts';
export {
  BACKUP_POLICY_LEVEL,
  type BackupPolicies,
  type ClusterConfiguration,
  type ConfigurationRevision,
  type ConfigureCommand,
  NO_OVERRIDES,
  type ParameterOverrides,
  type Parameters,
} from './configuration.ts';
export { FREE_BYTES_MIN } from './decide/candidates/fitness.ts';
export { type Standing, standingsOf } from './decide/candidates/standing.ts';
export { decide, decideCommand } from './decide/decide.ts';
export { isHandedBack } from './decide/failover/absent-agent.ts';
export { grantAfter } from './decide/failover/grant-after.ts';
export { isWithdrawn } from './decide/failover/hung-primary.ts';
export { calmMsOf } from './decide/sight.ts';
export { whyNotInPlace } from './decide/upkeep/rebuild.ts';
export type * from './decision.ts';
export type * from './definition.ts';
export type { DivergedWal } from './diverged-wal.ts';
export type * from './events.ts';
export { evolve } from './evolve.ts';
export type { FailsafeState } from './failsafe/failsafe-record.ts';
export { isPromiseVoid, type PromiseAsk, whyNoPromise } from './failsafe/why-no-promise.ts';
export {
  FAST_FORWARD_LEVEL,
  type FastForwardEvent,
  isFastForwardEvent,
} from './fast-forward/fast-forward-events.ts';
export { flapWindowMs } from './flap-window.ts';
export type { Goal, PrimarySynchronous } from './goal.ts';
export { goalOf } from './goal-of.ts';
export { guardTimes } from './guard-times.ts';
export {
  type GrantReason,
  isLeaseEvent,
  type LeaseEvent,
  type ReleaseReason,
} from './lease-events.ts';
export type * from './observations.ts';
export { NOTHING_OBSERVED } from './observations.ts';
export type { Outage } from './outage.ts';
export type * from './outage-events.ts';
export { isOutageEvent } from './outage-events.ts';
export * from './rebuild/index.ts';
export type { Cause, RecordedEvent } from './recorded-event.ts';
export { numberFloor, raisesVersion } from './recorded-event.ts';
export { methodsFor } from './remote/copying-methods.ts';
export {
  followedArchive,
  REMOTE_NAME,
  remoteAt,
  remoteMember,
  rootOf,
} from './remote/following.ts';
export {
  type Following,
  isArchive,
  type Remote,
  type RemoteAnswer,
  type RemoteArchive,
  remoteText,
  sameRemote,
} from './remote/remote.ts';
export { isRemoteEvent, type RemoteEvent } from './remote/remote-events.ts';
export {
  endpointsOf,
  placeOf,
  placeText,
  type RemotePrimary,
} from './remote/remote-primary.ts';
export { isReplicationEvent, type ReplicationEvent } from './replication/replication-events.ts';
export {
  DEFAULT_SLOT_POLICY,
  dangerOf,
  type PermanentSlot,
  type SlotDanger,
  type SlotMatcher,
  type SlotPolicy,
  type SlotReport,
} from './replication/slot-policy.ts';
export { type Upstream, upstreamOf, wantedUpstreams } from './replication/upstream.ts';
export type * from './report.ts';
export { effectiveParameters, heldBack } from './restart/capacity.ts';
export { CAPACITY_SETTINGS, UNSAID_CAPACITY } from './restart/capacity-settings.ts';
export type { PendingRestart } from './restart/pending-restart.ts';
export { isRestartEvent, type RestartEvent } from './restart/restart-events.ts';
export type { RestartPlan } from './restart/restart-plan.ts';
export {
  backupPoliciesOf,
  configurationOf,
  currentRevision,
  leaseTimingOf,
  parametersFor,
  slotPolicyOf,
} from './revisions.ts';
export type * from './rule-refusal.ts';
export type { ServerFacts } from './server-facts.ts';
export {
  type ClusterSettings,
  DEFAULT_SETTINGS,
  type SettingsProblem,
  type SynchronousMode,
  settingsProblems,
  withDefaults,
} from './settings.ts';
export {
  type ClusterState,
  emptyState,
  inMaintenance,
  type Lease,
  lastHolder,
  lineage,
  type MemberRecord,
  memberNames,
  type Operation,
  type SyncState,
  type TimelineRecord,
} from './state.ts';
export { namesInDoubt, wouldAcknowledge } from './sync-set/admit-sync.ts';
export { laggingMembers } from './sync-set/lag.ts';
export { isAddress, isFrom, isNamed, sameAddress } from './sync-set/member-connection.ts';
export {
  ALONE,
  NOBODY,
  neverAcknowledges,
  type Quorum,
  type SyncSetting,
  sameSetting,
} from './sync-set/quorum.ts';
export { isSynchronous, settingAtStart, standingSetting } from './sync-set/standing-setting.ts';
export type * from './sync-set/sync-events.ts';
export {
  heldBackFor,
  highestVocabularyLevel,
  problemIn,
  type VocabularyProblem,
  vocabularyProblem,
} from './vocabulary.ts';
export type * from './wal-position.ts';
