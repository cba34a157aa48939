import { execFileSync } from 'node:child_process';
import { DomainError } from '#libs/kernel';

export type OsUser = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
};

export class OsUserError extends DomainError {
  readonly code = 'OS_USER';
}

/** Parses one line of `getent passwd`. */
export function parsePasswdLine(line: string): OsUser | undefined {
  const [name, , uid, gid, , home] = line.trim().split(':');
  if (name === undefined || home === undefined || !/^\d+$/.test(uid ?? '')) return undefined;
  if (!/^\d+$/.test(gid ?? '')) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}

/** @throws OsUserError when the host knows no such user (files, LDAP or whatever NSS asks) */
export function osUser(nameOrUid: string | number): OsUser {
  try {
    const line = execFileSync('getent', ['passwd', String(nameOrUid)], { encoding: 'utf8' });
    const user = parsePasswdLine(line);
    if (user !== undefined) return user;
  } catch (cause) {
    throw new OsUserError(`the host has no user '${nameOrUid}': create it or name another`, {
      cause,
    });
  }
  throw new OsUserError(`the passwd entry of '${nameOrUid}' cannot be read`);
}
