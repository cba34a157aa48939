export { dropPrivileges } from './drop-privileges.ts';
export {
  fsyncDirectory,
  readFileIfPresent,
  removeFileDurably,
  writeFileDurably,
  writeFileIfChanged,
} from './durable-file.ts';
export { endMarked } from './end-marked.ts';
export type { InstanceProcess, InstanceProcesses, ProcessScan } from './instance-processes.ts';
export { type KillOutcome, killAll, killPass, signalIfSame } from './kill-all.ts';
export { type OsUser, OsUserError, osUser } from './os-user.ts';
export { ownVersion } from './own-version.ts';
export {
  type DeathSignalTest,
  dieWithParentArgv,
  hasCapabilities,
  LAUNCHER_ORPHANED_EXIT_CODE,
  type LaunchRequest,
  testDeathSignal,
} from './pdeathsig.ts';
export { ProcessesInDirectory } from './proc-scan.ts';
export { isDead, type ProcessIdentity, type ProcessStat, ProcTable } from './proc-table.ts';
export { ProcessError, type ProcessFailure } from './process-error.ts';
export { type DownEvidence, type DownProof, proveDown, readPostmasterPid } from './prove-down.ts';
export { type RunOptions, type RunResult, run } from './run.ts';
export { sharedMemoryAttachments } from './shared-memory.ts';
export {
  readShutdownPosition,
  type ShutdownPosition,
  shutdownPositionOf,
  stopStageOf,
} from './shutdown-position.ts';
export {
  hasStandbySignal,
  putStandbySignal,
  removeRecoverySignal,
  removeStandbySignal,
} from './standby-signal.ts';
export {
  clearUnfinished,
  markUnfinished,
  markUnfinishedBeside,
  markUnfinishedInside,
  unfinishedWork,
} from './unfinished-mark.ts';
export { withoutConnection } from './without-connection.ts';
