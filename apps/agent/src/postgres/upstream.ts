import type { Endpoint } from '#libs/cluster';
import { parseConninfo, type Settings } from '#libs/postgres-model';

/** Null when `primary_conninfo` is empty: the instance is detached, or a primary. */
export function upstreamIn({ primary_conninfo: text = '' }: Settings): Endpoint | null {
  if (text === '') return null;
  const { host, port } = parseConninfo(text);
  return host === undefined || port === undefined ? null : { host, port: Number(port) };
}

/** Whether the managed configuration names an archive. */
export function restoresBy({ restore_command: restore = '' }: Settings): boolean {
  return restore !== '';
}
