/** The cluster that a standby cluster follows: by a connection to its primary, or by its archive alone. */
import type { EpochMs, InstanceName, TimelineId } from '#libs/kernel';
import type { BackupTool } from '../rebuild/policy.ts';
import type { WalPosition } from '../wal-position.ts';
import { placeText, type RemotePrimary, samePrimary } from './remote-primary.ts';

/** Nothing there is connected to: backups and WAL come by the tool that each host names under `backup`. */
export type RemoteArchive = { readonly archive: BackupTool };

export type Remote = RemotePrimary | RemoteArchive;

/** Part of the state of a cluster that follows another one: nobody in it may write. */
export type Following = {
  readonly remote: Remote;
  /** The standby leader: it alone receives from the remote, the others from it. Null: none is chosen yet. */
  readonly leader: InstanceName | null;
  /** Where this cluster itself stopped writing when it was demoted; null when that is not known. */
  readonly stoppedAt: WalPosition | null;
  /** Demoted without a primary: nobody could say where its writing on this timeline ended. */
  readonly lostOn?: TimelineId;
  /** Whom it is to follow instead, once `by` could: absent when nothing was ordered. */
  readonly asked?: { readonly remote: Remote; readonly by: InstanceName; readonly at: EpochMs };
};

/** What the standby leader found where it was told to ask; null: it could follow. */
export type RemoteAnswer = { readonly at: EpochMs; readonly why: string | null };

export function isArchive(remote: Remote): remote is RemoteArchive {
  return 'archive' in remote;
}

/** For people: `db1:5432`, or `the pgbackrest archive`. */
export function remoteText(remote: Remote): string {
  return isArchive(remote) ? `the ${remote.archive} archive` : placeText(remote);
}

export function sameRemote(a: Remote, b: Remote): boolean {
  if (isArchive(a) || isArchive(b)) {
    return isArchive(a) && isArchive(b) && a.archive === b.archive;
  }
  return samePrimary(a, b);
}
