import type { DataDirectory } from '#libs/cluster';
import type { Settings } from '#libs/postgres-model';
import { readManagedSettings } from '#libs/postgres-run';
import { hasStandbySignal, isDead, ProcTable, readPostmasterPid } from '#libs/process';
import { closedDirectory } from './data-directory.ts';
import { standsIn } from './stands-in.ts';

/** What each look reads in the data directory, whether PostgreSQL runs or not. */
export type SeenFiles = {
  /** Why nothing can be read there, or written; null while it can. */
  readonly closed: DataDirectory | null;
  readonly managed: Settings;
  readonly standbySignal: boolean;
  /** Of a postmaster that stands there. */
  readonly postmasterPid: number | null;
};

/**
 * A directory that was given to another user, or whose disk failed, must not end the look: what is said of the
 * instance would stay what it was before, as if it were so still.
 */
export class DirectoryFiles {
  #seen: SeenFiles = { closed: null, managed: {}, standbySignal: false, postmasterPid: null };

  constructor(readonly dataDirectory: string) {}

  /** @param asksForPid whether one may run there that the guard has not started */
  look(asksForPid: boolean): SeenFiles {
    const { dataDirectory } = this;
    const closed = closedDirectory(dataDirectory);
    this.#seen =
      closed !== null
        ? { ...this.#seen, closed, postmasterPid: null }
        : {
            closed,
            managed: readManagedSettings(dataDirectory),
            standbySignal: hasStandbySignal(dataDirectory),
            postmasterPid: asksForPid ? postmasterIn(dataDirectory) : null,
          };
    return this.#seen;
  }
}

/** One `postmaster.pid`, one process: cheap enough for every look. */
function postmasterIn(dataDirectory: string): number | null {
  const found = readPostmasterPid(dataDirectory);
  if (found === undefined) return null;
  const proc = new ProcTable();
  const stat = proc.stat(found.pid);
  if (stat === undefined || isDead(stat)) return null;
  return standsIn(found.pid, dataDirectory, proc) ? found.pid : null;
}
