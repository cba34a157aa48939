export { askAdmission } from './ask-admission.ts';
export { completeHistory } from './copied-history.ts';
export { CopyRefusedError, finishCopy } from './finish-copy.ts';
export type { Check, Preflight } from './preflight.ts';
export { failedPreflight } from './preflight.ts';
export { type Progress, ProgressMeter } from './progress-meter.ts';
export { proveSource } from './prove-source.ts';
export {
  type CopyRequest,
  type Expected,
  RebuildTool,
  type ServerAccess,
  SourceError,
  type SourceRequest,
  type WalProgram,
} from './rebuild-tool.ts';
export { endReceivers } from './receivers.ts';
export { RecoveryError, type RecoveryRequest, recoverCopy } from './recover-copy.ts';
export { refusalOf } from './refusal.ts';
export {
  type BackupSettings,
  type BarmanApiSettings,
  type BarmanSettings,
  type CustomSettings,
  NO_BACKUP_TOOLS,
  type PgbackrestSettings,
  type WalgSettings,
} from './settings.ts';
export { rebuildTool } from './tools.ts';
export { archiveScript, leaseFileText, restoreScript, walSetting } from './wal-scripts.ts';
export { archiveWal, fetchWal } from './wal-transfer.ts';
