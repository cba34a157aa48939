import { type Endpoint, endpointsOf, placeOf } from '#libs/cluster';
import { parseConninfo, type Settings } from '#libs/postgres-model';

/** Null when `primary_conninfo` is empty: the instance is detached, or a primary. */
export function upstreamIn({ primary_conninfo: text = '' }: Settings): Endpoint | null {
  if (text === '') return null;
  const { host, port } = parseConninfo(text);
  if (host === undefined || port === undefined) return null;
  const ports = port.split(',').map(Number);
  // One port is that of every host, as libpq reads it.
  const endpoints = host.split(',').map((one, index) => {
    return { host: one, port: ports[index] ?? ports[0] ?? Number.NaN };
  });
  return placeOf(endpoints);
}

/** How `primary_conninfo` names it. */
export function hostAndPort(upstream: Endpoint): { readonly host: string; readonly port: string } {
  const endpoints = endpointsOf(upstream);
  const ports = endpoints.map(({ port }) => String(port));
  const [first = ''] = ports;
  const alike = ports.every((port) => port === first);
  const host = endpoints.map((one) => one.host).join(',');
  return { host, port: alike ? first : ports.join(',') };
}

/** Whether the managed configuration names an archive. */
export function restoresBy({ restore_command: restore = '' }: Settings): boolean {
  return restore !== '';
}
