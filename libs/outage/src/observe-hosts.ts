import { codeOf } from '#libs/kernel';
import { type Credentials, DatabaseConnection, type DatabaseHost } from './database-connection.ts';

/** What a host says of itself over SQL, asked by nobody but us. */
export type HostObservation =
  | { readonly name: string; readonly kind: 'unreachable'; readonly why: string }
  | { readonly name: string; readonly kind: 'primary'; readonly streamingTo: number }
  | { readonly name: string; readonly kind: 'standby'; readonly streaming: boolean };

export type ClusterObservation = {
  readonly hosts: readonly HostObservation[];
  /** The host that takes writes; null when none does, or more than one. */
  readonly primary: string | null;
  /** Standbys that stream, by their own word and by the primary's, whichever is fewer. */
  readonly streamingStandbys: number;
};

/** A running pg_basebackup streams too, and is no standby. */
const OBSERVE = `select pg_is_in_recovery() as in_recovery,
  (select count(*)::int from pg_stat_replication
    where state = 'streaming' and application_name <> 'pg_basebackup') as streaming_to,
  exists (select from pg_stat_wal_receiver where status = 'streaming') as receiving`;

type Row = { in_recovery: boolean; streaming_to: number; receiving: boolean };

export async function observeHosts(
  hosts: readonly DatabaseHost[],
  credentials: Credentials,
): Promise<ClusterObservation> {
  return summary(await Promise.all(hosts.map((host) => observe(host, credentials))));
}

/** Pure. */
export function summary(hosts: readonly HostObservation[]): ClusterObservation {
  const primaries = hosts.filter((host) => host.kind === 'primary');
  const receiving = hosts.filter((host) => host.kind === 'standby' && host.streaming).length;
  const [primary] = primaries;
  if (primary === undefined || primaries.length > 1) {
    return { hosts, primary: null, streamingStandbys: 0 };
  }
  return {
    hosts,
    primary: primary.name,
    streamingStandbys: Math.min(receiving, primary.streamingTo),
  };
}

async function observe(host: DatabaseHost, credentials: Credentials): Promise<HostObservation> {
  const connection = new DatabaseConnection(host, credentials);
  try {
    await connection.connect();
    const answer = await connection.client.query<Row>(OBSERVE);
    const row = answer.rows[0];
    if (row === undefined) return { name: host.name, kind: 'unreachable', why: 'no answer' };
    return row.in_recovery
      ? { name: host.name, kind: 'standby', streaming: row.receiving }
      : { name: host.name, kind: 'primary', streamingTo: row.streaming_to };
  } catch (error) {
    const why = error instanceof Error && error.message !== '' ? error.message : codeOf(error);
    return { name: host.name, kind: 'unreachable', why: why ?? 'no reason given' };
  } finally {
    connection.close();
  }
}
