/** What a PostgreSQL process is, as its title says; titles do not depend on the locale. */
export type PostgresProcessKind = 'walreceiver' | 'startup' | 'walsender' | 'postmaster' | 'other';

/**
 * Reads a title such as `postgres: pg1: walreceiver streaming 0/3000148` (with `cluster_name` or
 * without). A client backend whose database is called so would be taken for a walreceiver: the safe
 * side, since "no walreceiver" is the proof of a detach.
 */
export function postgresProcessKind(title: string): PostgresProcessKind {
  const match = /^postgres: (?:.*: )?(walreceiver|startup|walsender)(?:\s|$)/.exec(title);
  if (match?.[1] === 'walreceiver') return 'walreceiver';
  if (match?.[1] === 'startup') return 'startup';
  if (match?.[1] === 'walsender') return 'walsender';
  return title.startsWith('postgres:') ? 'other' : 'postmaster';
}

/** A startup process that waits for a recovery conflict says so after half a second. */
export function isWaiting(title: string): boolean {
  return /\bwaiting$/.test(title.trimEnd());
}
