export {
  type ConfigChange,
  changeManagedSettings,
  cleanAutoConf,
  readManagedSettings,
  writeHba,
  writeManagedSettings,
} from './config-files.ts';
export { type InitdbOptions, initdb } from './initdb.ts';
export {
  dataDirectoryMajor,
  findInstallation,
  type Installation,
  InstallationError,
  type InstallationRequest,
} from './installation.ts';
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
export { readControlData } from './read-control-data.ts';
export { NotRunningError, reload } from './reload.ts';
export { type Row, SqlSession, type SqlTarget, SqlTimeoutError } from './sql-session.ts';
export { classifyUnreachable, type UnreachableClass } from './unreachable.ts';
