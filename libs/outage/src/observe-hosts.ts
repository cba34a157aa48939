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

/** Looks at the hosts again and again over connections that it keeps: each new one costs them more than the look itself. */
export class HostWatch {
  readonly #connections = new Map<string, DatabaseConnection>();

  constructor(
    readonly hosts: readonly DatabaseHost[],
    readonly credentials: Credentials,
  ) {}

  async look(): Promise<ClusterObservation> {
    return summary(await Promise.all(this.hosts.map((host) => this.#observe(host))));
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  async #observe(host: DatabaseHost): Promise<HostObservation> {
    const { name } = host;
    try {
      const { client } = await this.#connectionTo(host);
      const answer = await client.query<Row>(OBSERVE);
      const row = answer.rows[0];
      if (row === undefined) return { name, kind: 'unreachable', why: 'no answer' };
      return row.in_recovery
        ? { name, kind: 'standby', streaming: row.receiving }
        : { name, kind: 'primary', streamingTo: row.streaming_to };
    } catch (error) {
      this.#drop(name);
      const why = error instanceof Error && error.message !== '' ? error.message : codeOf(error);
      return { name, kind: 'unreachable', why: why ?? 'no reason given' };
    }
  }

  async #connectionTo(host: DatabaseHost): Promise<DatabaseConnection> {
    const kept = this.#connections.get(host.name);
    if (kept !== undefined && kept.failure === null) return kept;
    this.#drop(host.name);
    const connection = new DatabaseConnection(host, this.credentials);
    this.#connections.set(host.name, connection);
    await connection.connect();
    return connection;
  }

  #drop(name: string): void {
    this.#connections.get(name)?.close();
    this.#connections.delete(name);
  }
}

export async function observeHosts(
  hosts: readonly DatabaseHost[],
  credentials: Credentials,
): Promise<ClusterObservation> {
  const watch = new HostWatch(hosts, credentials);
  try {
    return await watch.look();
  } finally {
    watch.close();
  }
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
