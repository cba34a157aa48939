import { type OsUser, OsUserError, osUser } from './os-user.ts';

/**
 * Makes this process run as PostgreSQL's OS user: agent and guard may be started as root, but the
 * kernel's death signal, `/proc/PID/cwd` and file ownership all need PostgreSQL's own uid.
 *
 * Groups are set first, the uid last: after it nothing could be changed any more.
 *
 * @throws OsUserError when this is neither root nor that user
 */
export function dropPrivileges(name: string): OsUser {
  const user = osUser(name);
  const currentUid = process.getuid?.();
  if (currentUid === user.uid) return user;
  if (currentUid !== 0 || user.uid === 0) {
    throw new OsUserError(
      `cannot become '${name}' (uid ${user.uid}) from uid ${currentUid}: start as root or as it`,
    );
  }
  initgroups(user);
  process.setgid?.(user.gid);
  process.setuid?.(user.uid);
  if (process.getuid?.() !== user.uid || process.geteuid?.() !== user.uid) {
    throw new OsUserError(`still uid ${process.getuid?.()} after changing to '${name}'`);
  }
  process.env['HOME'] = user.home;
  process.env['USER'] = user.name;
  process.env['LOGNAME'] = user.name;
  return user;
}

/** Node has it on Linux; its type declarations leave it out. */
type WithInitgroups = { readonly initgroups?: (user: string, extraGid: number) => void };

function initgroups(user: OsUser): void {
  const host: NodeJS.Process & WithInitgroups = process;
  host.initgroups?.call(process, user.name, user.gid);
}
