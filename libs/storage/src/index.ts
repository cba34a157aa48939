export { type BackupHeader, BackupReader, backupOf } from './backup-format.ts';
export type { LoadedSnapshot, StateWrite, WriteRequest } from './batch-plan.ts';
export type {
  Backend,
  BackendIterator,
  BackendOperation,
  BackendSnapshot,
  GuardDevice,
  IteratorOptions,
  OpenDisk,
  StagingFile,
  StoreDisk,
} from './disk.ts';
export { DISK_AMPLE_BYTES } from './disk-reserve.ts';
export {
  BackupDamagedError,
  DamagedLogError,
  DamagedRecordError,
  DirectoryInUseError,
  ForeignGroupError,
  NoControllerDirectoryError,
  SnapshotRejectedError,
  StorageFailedError,
  StoreClosedError,
  UnknownFormatError,
} from './errors.ts';
export { LevelDisk } from './level-disk.ts';
export { type DiskCopy, MemoryDisk } from './memory-backend.ts';
export {
  type OfflineReplica,
  openOffline,
  type Verification,
  verifyDirectory,
  withCopy,
} from './offline.ts';
export { openReplicaStore, type ReplicaStoreOptions } from './open-replica-store.ts';
export type { RecoveredLog } from './recovery.ts';
export type { AppliedMark } from './replica-state.ts';
export { ReplicaStore } from './replica-store.ts';
export { SnapshotReceiver } from './snapshot-receiver.ts';
export { type SnapshotMachine, Snapshotter, type SnapshotterOptions } from './snapshotter.ts';
export type { ScanRange, StateRecord } from './state-scan.ts';
export { SNAPSHOT_CHUNK_BYTES, type SnapshotPiece, StateSnapshot } from './state-snapshot.ts';
