import type { WalgSettings } from '../../settings.ts';

export function listCommand({ program }: WalgSettings): readonly string[] {
  return [program, 'backup-list', '--json', '--detail'];
}

/** All timelines of the archive, with what is missing between their first and their last segment. */
export function showCommand({ program }: WalgSettings): readonly string[] {
  return [program, 'wal-show', '--detailed-json', '--without-backups'];
}

/** `restoreSpec` is a file that maps tablespaces; null where the backup has none. */
export function fetchCommand(
  { program }: WalgSettings,
  dataDirectory: string,
  backup: string,
  restoreSpec: string | null,
): readonly string[] {
  return [
    program,
    'backup-fetch',
    ...(restoreSpec === null ? [] : ['--restore-spec', restoreSpec]),
    dataDirectory,
    backup,
  ];
}

export function walFetchCommand({ program }: WalgSettings): readonly string[] {
  return [program, 'wal-fetch', '%f', '%p'];
}

export function walPushCommand({ program }: WalgSettings): readonly string[] {
  return [program, 'wal-push', '%p'];
}

/** WAL-G limits its own rate by a variable. */
export function walgEnvironment(
  file: Readonly<Record<string, string>>,
  bandwidthBytesPerSecond: number | null,
): Readonly<Record<string, string>> {
  if (bandwidthBytesPerSecond === null) return file;
  return { ...file, WALG_NETWORK_RATE_LIMIT: String(bandwidthBytesPerSecond) };
}

/** What `--restore-spec` reads: each tablespace by its OID, with where it goes. */
export function restoreSpec(
  dataDirectory: string,
  tablespaces: readonly { readonly oid: string; readonly location: string }[],
): string {
  const specs = Object.fromEntries(
    tablespaces.map(({ oid, location }) => [oid, { loc: location, link: `pg_tblspc/${oid}` }]),
  );
  const names = tablespaces.map(({ oid }) => oid);
  return JSON.stringify({ ...specs, base_prefix: dataDirectory, tablespaces: names });
}
