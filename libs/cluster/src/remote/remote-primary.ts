import { formatAddress } from '#libs/kernel';
import type { Endpoint } from '../definition.ts';

/** Where the cluster that is followed accepts connections. */
export type RemotePrimary = {
  /**
   * One host, or several with commas: of those the one that accepts writes is taken. Where they do not
   * share `port` each carries its own: `a:5432,b:5433`, `[fd00::1]:5432,[fd00::2]:5433`.
   */
  readonly host: string;
  /** Of whoever carries none. */
  readonly port: number;
  /** A physical slot there; null: it keeps no WAL for us beyond its `wal_keep_size`. */
  readonly slot: string | null;
  /** Null: the cluster's own replication user, which came with the data. */
  readonly user: string | null;
};

type Place = Pick<RemotePrimary, 'host' | 'port'>;

/** The single hosts of `remote` with their ports, in their order. */
export function endpointsOf({ host: hosts, port }: Place): readonly Endpoint[] {
  return hosts.split(',').map((text) => {
    const one = text.trim();
    const [, bracketed, named, own] = OWN_PORT.exec(one) ?? [];
    const host = bracketed ?? named ?? one;
    return { host, port: own === undefined ? port : Number(own) };
  });
}

/** More than one colon without brackets is an address of IPv6 alone. */
const OWN_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/;

/** The one way to write it: equal places are equal texts. Ports stand beside hosts only where they differ. */
export function placeOf(endpoints: readonly Endpoint[]): Place {
  const [first] = endpoints;
  const { port = 0 } = first ?? {};
  const alike = endpoints.every((one) => one.port === port);
  const written = endpoints.map((one) => (alike ? one.host : formatAddress(one)));
  return { host: written.join(','), port };
}

/** Whether some of its hosts have a port of their own. */
export function hasOwnPorts(remote: Place): boolean {
  const { host } = placeOf(endpointsOf(remote));
  return endpointsOf({ host, port: 0 }).some((one) => one.port !== 0);
}

/** For people: `db1:5432`, `[fd00::1]:5432`, `db1,db2:5432`, `db1:5432,db2:5433`. */
export function placeText(remote: Place): string {
  const { host, port } = placeOf(endpointsOf(remote));
  if (hasOwnPorts({ host, port })) return host;
  return host.includes(',') ? `${host}:${port}` : formatAddress({ host, port });
}

export function samePrimary(a: RemotePrimary, b: RemotePrimary): boolean {
  const [left, right] = [placeOf(endpointsOf(a)), placeOf(endpointsOf(b))];
  const same = left.host === right.host && left.port === right.port;
  return same && a.slot === b.slot && a.user === b.user;
}
