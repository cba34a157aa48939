import { ProcTable } from '#libs/process';
import { realpathIfThere } from './stands-in.ts';

/**
 * Where the data directory of a running PostgreSQL is by now, when somebody has moved it away; null while it is where
 * it should be. PostgreSQL goes on there, and fails only at what it names by its whole path.
 */
export function movedTo(postmasterPid: number | null, dataDirectory: string): string | null {
  if (postmasterPid === null) return null;
  const cwd = new ProcTable().cwd(postmasterPid);
  return cwd.kind !== 'target' || cwd.path === realpathIfThere(dataDirectory) ? null : cwd.path;
}
