import type { InstanceName, Lsn, TimelineId } from '#libs/kernel';

/** Where the cluster that is followed accepts connections. */
export type RemotePrimary = {
  /** One host, or several with commas: of those the one that accepts writes is taken. */
  readonly host: string;
  readonly port: number;
  /** A physical slot there; null: it keeps no WAL for us beyond its `wal_keep_size`. */
  readonly slot: string | null;
  /** Null: the cluster's own replication user, which came with the data. */
  readonly user: string | null;
};

/** Part of the state of a cluster that follows a remote primary: nobody in it may write. */
export type Following = {
  readonly remote: RemotePrimary;
  /** The standby leader: it alone streams from the remote, the others from it. Null: none is chosen yet. */
  readonly leader: InstanceName | null;
  /** Where this cluster itself stopped writing when it was demoted; null when that is not known. */
  readonly stoppedAt: { readonly timeline: TimelineId; readonly lsn: Lsn } | null;
  /** Demoted without a primary: nobody could say where its writing on this timeline ended. */
  readonly lostOn?: TimelineId;
};

/** The single hosts of `remote`, in their order. */
export function hostsOf({ host }: Pick<RemotePrimary, 'host'>): string[] {
  return host.split(',').map((one) => one.trim());
}

export function sameRemote(a: RemotePrimary, b: RemotePrimary): boolean {
  return a.host === b.host && a.port === b.port && a.slot === b.slot && a.user === b.user;
}
