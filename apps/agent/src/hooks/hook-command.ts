import type { CallbackName, HookName } from '#libs/config';

/** As Patroni calls it, so that its scripts can be taken over. */
export type HookRole = 'primary' | 'replica' | 'standby_leader';

const PATRONI_NAMES: Readonly<Record<CallbackName | HookName, string>> = {
  onStart: 'on_start',
  onStop: 'on_stop',
  onRestart: 'on_restart',
  onReload: 'on_reload',
  onRoleChange: 'on_role_change',
  prePromote: 'pre_promote',
  beforeStop: 'before_stop',
  postBootstrap: 'post_bootstrap',
};

export type HookCall = {
  readonly name: CallbackName | HookName;
  readonly argv: readonly string[];
  readonly role: HookRole;
  readonly cluster: string;
  readonly instance: string;
  readonly dataDirectory: string;
  readonly port: number;
  /** Of the lease in whose name it is called; null: of none. */
  readonly epoch: number | null;
  /** In place of action, role and cluster: the connection string of `postBootstrap`. */
  readonly arguments?: readonly string[];
};

/** `<program> <action> <role> <cluster>`; spawns nothing, so a test can read it. */
export function hookArgv({ name, argv, role, cluster, arguments: own }: HookCall): string[] {
  return [...argv, ...(own ?? [PATRONI_NAMES[name], role, cluster])];
}

/** The same and more, for those who would rather not count arguments. */
export function hookEnvironment(call: HookCall): Readonly<Record<string, string>> {
  return {
    MATRIARCH_ACTION: PATRONI_NAMES[call.name],
    MATRIARCH_ROLE: call.role,
    MATRIARCH_CLUSTER: call.cluster,
    MATRIARCH_INSTANCE: call.instance,
    MATRIARCH_DATA_DIRECTORY: call.dataDirectory,
    MATRIARCH_PORT: String(call.port),
    MATRIARCH_EPOCH: call.epoch === null ? '' : String(call.epoch),
  };
}
