import { codeOf } from '#libs/kernel';
import {
  type Conninfo,
  formatConninfo,
  type ServerVersion,
  takesConninfoByReload,
} from '#libs/postgres-model';
import { putStandbySignal } from '#libs/process';
import { changeManagedSettings } from './config-files.ts';
import { clearDetachedMark } from './detached-mark.ts';
import { reload } from './reload.ts';

export type FollowRequest = {
  readonly dataDirectory: string;
  readonly version: ServerVersion;
  /** With the `application_name` of this data directory, and the password where one is needed. */
  readonly upstream: Conninfo;
  readonly slotName?: string;
  readonly restoreCommand?: string;
};

/** Whether the new upstream is in force, or will be at the next start. */
export type FollowOutcome = 'reloaded' | 'needs-restart' | 'not-running';

/** The opposite of `detach`: makes a standby follow a server. The caller has checked the histories. */
export function follow(request: FollowRequest): FollowOutcome {
  const { dataDirectory } = request;
  putStandbySignal(dataDirectory);
  changeManagedSettings(dataDirectory, {
    primary_conninfo: formatConninfo(request.upstream),
    primary_slot_name: request.slotName ?? '',
    restore_command: request.restoreCommand ?? '',
  });
  clearDetachedMark(dataDirectory);
  try {
    reload(dataDirectory);
  } catch (error) {
    if (codeOf(error) === 'POSTGRES_NOT_RUNNING') return 'not-running';
    throw error;
  }
  return takesConninfoByReload(request.version) ? 'reloaded' : 'needs-restart';
}
