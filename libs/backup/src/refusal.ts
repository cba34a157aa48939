import { codeOf, messageOf } from '#libs/kernel';

/** Why a server did not answer a role of ours, and what to do there so that it does. */
export function refusalOf(server: string, user: string, error: unknown): string {
  const remedy = isOwnFiles(error) ? FILES : remedyOf(codeOf(error), user);
  if (remedy === null) return `${server} does not answer: ${messageOf(error)}`;
  return `${server} refuses ${user}: ${messageOf(error)}; ${remedy}`;
}

const FILES = 'give its data directory back to the user that PostgreSQL runs as (chown)';

/** The same code as for a role without the right: the server itself may not read what it needs. */
function isOwnFiles(error: unknown): boolean {
  return codeOf(error) === '42501' && /^could not \w+ (file|directory)/.test(messageOf(error));
}

/** Null: it is not the server that refuses. */
function remedyOf(code: string | undefined, user: string): string | null {
  switch (code) {
    case '28000':
      return 'a line of `pgHba` (`matriarch config edit`) must let it in from this host';
    case '28P01':
      return `the cluster's password of ${user} and the one that PostgreSQL has must be the same`;
    case '42501':
      return `ALTER ROLE "${user}" REPLICATION`;
    case '53300':
      return 'end sessions that are not needed, or raise the limit (`matriarch config set`, then a restart)';
    default:
      return null;
  }
}
