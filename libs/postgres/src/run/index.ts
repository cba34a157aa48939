export { askForArchive, markArchived, waitingForArchive } from './archive-status.ts';
export {
  type BaseBackupOptions,
  baseBackup,
  CloneTargetError,
} from './base-backup.ts';
export { checkpoint, checkpointedTimeline } from './checkpoint.ts';
export {
  type ConfigChange,
  changeManagedSettings,
  cleanAutoConf,
  readManagedSettings,
  writeHba,
  writeManagedSettings,
} from './config-files.ts';
export {
  CopyPlaces,
  contentsOf,
  type DataPlaces,
  dataPlacesOf,
  newPlaceOf,
} from './data-places.ts';
export { debianClustersOf, disableStart, restoreStart } from './debian-start.ts';
export { type DetachOutcome, type DetachRequest, detach } from './detach.ts';
export {
  clearDetachedMark,
  DETACHED_MARK,
  isMarkedDetached,
  putDetachedMark,
} from './detached-mark.ts';
export { endConflicts } from './end-conflicts.ts';
export { fetchWal } from './fetch-wal.ts';
export { flushWal } from './flush-wal.ts';
export { type FollowOutcome, type FollowRequest, follow } from './follow.ts';
export { forgetInheritedSettings } from './inherited-settings.ts';
export { type InitdbOptions, initdb } from './initdb.ts';
export {
  dataDirectoryMajor,
  findInstallation,
  type Installation,
  InstallationError,
  type InstallationRequest,
} from './installation.ts';
export { type KeepWalRequest, type KeptWal, keepWal } from './keep-wal.ts';
export type {
  InstanceObservation,
  ObservedSettings,
  PrimaryPosition,
  ReachableInstance,
  ReplicaConnection,
  ReplicationSlot,
  StandbyPosition,
  WalReceiver,
} from './observation.ts';
export { ObservationRowError } from './observation-row.ts';
export { type ObserveOptions, observeInstance } from './observe-instance.ts';
export { readParameterCatalog } from './parameter-catalog.ts';
export {
  PrivateServerError,
  type PrivateServerRequest,
  withPrivateServer,
} from './private-server.ts';
export { type PromoteOutcome, type PromoteRequest, promote } from './promote.ts';
export { canPutBack, putBackAside } from './put-back.ts';
export { readControlData } from './read-control-data.ts';
export { NotRunningError, reload } from './reload.ts';
export { RewindError, type RewindOptions, type RewindOutcome, rewind } from './rewind.ts';
export { rewindSize } from './rewind-size.ts';
export {
  ensureReplicationRole,
  ensureRewindRole,
  ensureSuperuser,
  type RoleRequest,
} from './roles.ts';
export { runTool, type ToolSecrets } from './run-tool.ts';
export { SettingsMemory } from './settings-memory.ts';
export {
  advanceSlot,
  dropIdleSlot,
  ensureLogicalSlot,
  ensurePhysicalSlot,
  putSlotState,
  readSlotState,
  readSlots,
  SlotStateError,
} from './slots.ts';
export { type Row, type SqlTarget, SqlTimeoutError } from './sql-connection.ts';
export { SqlSession } from './sql-session.ts';
export {
  isUnitMasked,
  maskStartingUnits,
  startingUnitsOf,
  UnitMaskError,
  unmaskStartingUnits,
} from './starting-units.ts';
export { refuseStrayFiles } from './stray-files.ts';
export {
  asideOf,
  discardCopy,
  hasGone,
  makeRoom,
  removeAside,
  swapIn,
  wholeAsideOf,
} from './swap-in.ts';
export { finishSwap, type Swap } from './swap-journal.ts';
export { syncFileSystems } from './sync-file-systems.ts';
export {
  dropDanglingSkips,
  readTimelineHistories,
  readTimelineHistory,
  skipTimelinesBefore,
  skipTimelinesBetween,
  TimelineTakenError,
} from './timeline-files.ts';
export {
  readHistoryText,
  readSourceIdentity,
  type SourceIdentity,
  SourceIdentityError,
} from './timeline-source.ts';
export { tryWalsenders } from './try-walsenders.ts';
export { classifyUnreachable, type UnreachableClass } from './unreachable.ts';
export { type WalEnd, WalEndError, type WalEndRequest, walEnd } from './wal-end.ts';
