/** The cluster that a standby cluster follows: by a connection to its primary, or by its archive alone. */
import type { BackupTool } from '../rebuild/policy.ts';
import { placeText, type RemotePrimary, samePrimary } from './remote-primary.ts';

/** Nothing there is connected to: backups and WAL come by the tool that each host names under `backup`. */
export type RemoteArchive = { readonly archive: BackupTool };

export type Remote = RemotePrimary | RemoteArchive;

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
