export {
  isInPlace,
  type RebuildOrder,
  rebuildOrderOf,
  rebuildPolicyOf,
  rebuildRecordOf,
} from './order-of.ts';
export {
  type ArchivePolicy,
  BACKUP_TOOLS,
  type BackupTool,
  type BootstrapPolicy,
  DEFAULT_BOOTSTRAP,
  DEFAULT_REBUILD_POLICY,
  REBUILD_METHODS,
  type RebuildMethod,
  type RebuildPolicy,
  type RecoveryTarget,
  TARGET_KINDS,
} from './policy.ts';
export { isRebuildEvent, type MethodFailure, type RebuildEvent } from './rebuild-events.ts';
export { isExhausted, type RebuildRecord, type Rebuilds } from './rebuild-record.ts';
export type { AsideReport, RebuildReport } from './rebuild-report.ts';
