export type { AgentConfig } from './agent-config.ts';
export { type ClusterDefinition, type ClusterFile, toClusterDefinition } from './cluster-file.ts';
export {
  ConfigInvalidError,
  ConfigSyntaxError,
  ConfigUnreadableError,
  TlsFileError,
} from './config-error.ts';
export { CONFIG_KINDS, type ConfigKind, configExample } from './config-example.ts';
export type { ControllerConfig, RaftTiming } from './controller-config.ts';
export { parseAddress } from './field.ts';
export { guardPaths, toGuardSettings } from './guard-settings.ts';
export {
  CALLBACKS,
  type CallbackName,
  HOOKS,
  type HookName,
  type HookSettings,
} from './hooks-section.ts';
export {
  loadAgentConfig,
  loadClusterFile,
  loadControllerConfig,
  parseAgentConfig,
  parseClusterFile,
  parseControllerConfig,
} from './load.ts';
export { redact, redactText } from './redact.ts';
export type { TlsPaths } from './resolve.ts';
export type { ControllerEntry, LogLevel } from './shared-fields.ts';
export { readTlsFiles, type TlsFiles } from './tls-files.ts';
