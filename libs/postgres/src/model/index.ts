export {
  type BaseBackupRequest,
  baseBackupArgv,
  type CopyProgress,
  parseCopyProgress,
} from './base-backup-command.ts';
export {
  type Conninfo,
  ConninfoError,
  formatConninfo,
  parseConninfo,
  quoteConninfoValue,
} from './conninfo.ts';
export {
  type ClusterStateText,
  type ControlData,
  ControlDataError,
  canBeRewound,
  controlledLsn,
  parseControlData,
  wasShutDownCleanly,
} from './control-data.ts';
export { parseControlFile } from './control-file.ts';
export {
  checkHbaLine,
  type HbaConnection,
  type HbaLine,
  HbaLineError,
  type HbaRule,
  renderHba,
} from './hba.ts';
export { checkIdentLine, IDENT_MAP, IdentLineError } from './ident.ts';
export { type InitdbRequest, initdbArgv } from './initdb-command.ts';
export { isOursInAutoConf, MANAGED_PARAMETERS, managedReason } from './managed-parameters.ts';
export {
  type CatalogEntry,
  judgeParameter,
  needsRestart,
  type ParameterCatalog,
  type ParameterVerdict,
} from './parameter-catalog.ts';
export {
  MANAGED_CONF,
  parseSettings,
  quoteSettingValue,
  renderManagedConf,
  SettingError,
  type Settings,
  withManagedInclude,
  withoutSettings,
} from './postgresql-conf.ts';
export { type PostmasterPid, parsePostmasterPid } from './postmaster-pid.ts';
export { isWaiting, type PostgresProcessKind, postgresProcessKind } from './process-title.ts';
export {
  applicationNameOf,
  type DataDirectoryName,
  DataIdError,
  slotNameOf,
} from './replication-names.ts';
export {
  type RewindRequest,
  type RewindVerdict,
  rewindArgv,
  rewindCopyBytes,
  rewindVerdict,
  singleUserRecoveryArgv,
} from './rewind-command.ts';
export {
  formatServerVersion,
  isSupported,
  NEWEST_SUPPORTED_MAJOR,
  OLDEST_SUPPORTED_MAJOR,
  parseServerVersion,
  type ServerVersion,
  serverVersionFromNum,
  takesConninfoByReload,
  UnsupportedVersionError,
} from './server-version.ts';
export {
  formatSynchronousStandbyNames,
  parseSynchronousStandbyNames,
  type SynchronousStandbyNames,
  SynchronousStandbyNamesError,
} from './synchronous-standby-names.ts';
export {
  type CommonPoint,
  commonPoint,
  forkOf,
  formatTimelineHistory,
  isOnHistory,
  isPrefixOf,
  isSkippedTimelineText,
  parseTimelineHistory,
  skippedTimelineText,
  type TimelineFork,
  type TimelineHistory,
  TimelineHistoryError,
  timelineHistoryFileName,
  timelineOfHistoryFile,
} from './timeline-history.ts';
export { parseWalFileName, type WalFile, walSegmentName, walSegmentStart } from './wal-file.ts';
export { type WalRange, walRangesFrom } from './wal-ranges.ts';
export {
  parseWaldumpLine,
  WAL_SEGMENT_HEADER_BYTES,
  type WalRecord,
  walPageStart,
  walRecordEnd,
} from './wal-record.ts';
export { type TouchedRelation, WalSummariser, type WalSummary } from './wal-summary.ts';
export { type WaldumpRequest, waldumpArgv } from './waldump-command.ts';
