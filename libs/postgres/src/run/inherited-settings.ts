import { changeManagedSettings, cleanAutoConf } from './config-files.ts';
import { clearDetachedMark } from './detached-mark.ts';

/**
 * A copy of an instance is not that instance: with its settings it would connect under its name and
 * acknowledge commits in its place (safety 14). Ours are written anew by the agent before a start.
 */
export function forgetInheritedSettings(dataDirectory: string): void {
  cleanAutoConf(dataDirectory);
  changeManagedSettings(dataDirectory, {
    primary_conninfo: '',
    primary_slot_name: '',
    restore_command: '',
    synchronous_standby_names: undefined,
    cluster_name: undefined,
  });
  clearDetachedMark(dataDirectory);
}
