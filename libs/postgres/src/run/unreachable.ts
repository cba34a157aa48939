import { codeOf, messageOf } from '#libs/kernel';

/** Why an instance gave no answer; what to do about it differs for each. */
export type UnreachableClass =
  | 'starting-up'
  | 'shutting-down'
  /** Refuses connections for another reason: not consistent yet, or `hot_standby` off. */
  | 'not-accepting'
  | 'too-many-connections'
  | 'auth-failed'
  /** Nobody listens on the socket: no postmaster, or one that has lost its socket file. */
  | 'refused'
  | 'timeout'
  /** The connection broke, or the answer was none that we understand. */
  | 'failed';

/**
 * Classifies what a connection attempt or statement threw. Messages are translated by the server, so
 * `pidFileStatus` (line 8 of `postmaster.pid`) decides where the code alone does not.
 */
export function classifyUnreachable(error: unknown, pidFileStatus?: string): UnreachableClass {
  const code = codeOf(error);
  switch (code) {
    case '57P03':
      return classifyNotNow(messageOf(error), pidFileStatus);
    case '57P01':
    case '57P02':
      return 'shutting-down';
    case '53300':
      return 'too-many-connections';
    case '28000':
    case '28P01':
      return 'auth-failed';
    case 'ECONNREFUSED':
    case 'ENOENT':
    case 'EHOSTUNREACH':
      return 'refused';
    case 'SQL_TIMEOUT':
    case 'ETIMEDOUT':
    case '57014':
      return 'timeout';
    default:
      return 'failed';
  }
}

function classifyNotNow(message: string, pidFileStatus: string | undefined): UnreachableClass {
  if (message.includes('shutting down')) return 'shutting-down';
  if (message.includes('not yet accepting') || message.includes('hot standby')) {
    return 'not-accepting';
  }
  if (/starting up|recovery mode/.test(message)) return 'starting-up';
  if (pidFileStatus === 'stopping') return 'shutting-down';
  return pidFileStatus === 'starting' ? 'starting-up' : 'not-accepting';
}
