import type { Endpoint } from '#libs/cluster';
import { parseConninfo } from '#libs/postgres-model';
import { readManagedSettings } from '#libs/postgres-run';

/** Null when `primary_conninfo` is empty: the instance is detached, or a primary. */
export function readUpstream(dataDirectory: string): Endpoint | null {
  const { primary_conninfo: text } = readManagedSettings(dataDirectory);
  if (text === undefined || text === '') return null;
  const { host, port } = parseConninfo(text);
  return host === undefined || port === undefined ? null : { host, port: Number(port) };
}

/** Whom the managed configuration names, and whether it names an archive. */
export function readUpstreams(dataDirectory: string): {
  readonly upstream: Endpoint | null;
  readonly restores: boolean;
} {
  const { restore_command: restore = '' } = readManagedSettings(dataDirectory);
  return { upstream: readUpstream(dataDirectory), restores: restore !== '' };
}
