import { type Lsn, lsnOf } from '#libs/kernel';
import { walOf } from '../../wal-segment.ts';

/** What `wal-g wal-show` says of one timeline. */
export type ShownTimeline = {
  readonly id: number;
  readonly start_segment: string;
  readonly end_segment: string;
  readonly missing_segments?: readonly string[] | null;
};

/** @throws SyntaxError */
export function readTimelines(json: string): readonly ShownTimeline[] {
  return (JSON.parse(json) ?? []) as readonly ShownTimeline[];
}

export type WalgBackup = {
  readonly name: string;
  readonly endedAtMs: number;
  readonly endLsn: Lsn | null;
  readonly systemIdentifier: string | null;
  readonly major: number | null;
  readonly bytes: number | null;
  readonly wal: { readonly timeline: number; readonly lsn: Lsn } | null;
  readonly tablespaces: readonly { readonly oid: string; readonly location: string }[];
};

type Listed = {
  readonly backup_name: string;
  readonly finish_time?: string;
  readonly time?: string;
  readonly finish_lsn?: string;
  readonly system_identifier?: string;
  readonly pg_version?: number;
  readonly uncompressed_size?: number;
  readonly wal_file_name?: string;
  readonly tablespace_spec?: Readonly<Record<string, { readonly loc?: string }>> | null;
};

/** Reads `wal-g backup-list --json --detail`, oldest first as it prints them. @throws SyntaxError */
export function readBackups(json: string): readonly WalgBackup[] {
  // Of 64 bits: a number of JavaScript would lose the last ones.
  const text = json.replace(/("(?:system_identifier|finish_lsn)":\s*)(\d+)/g, '$1"$2"');
  return (JSON.parse(text) as readonly Listed[]).map((listed) => ({
    name: listed.backup_name,
    endedAtMs: Date.parse(listed.finish_time ?? listed.time ?? ''),
    endLsn: listed.finish_lsn === undefined ? null : lsnOf(BigInt(listed.finish_lsn)),
    systemIdentifier: listed.system_identifier ?? null,
    major: listed.pg_version === undefined ? null : Math.floor(listed.pg_version / 10_000),
    bytes: listed.uncompressed_size ?? null,
    wal: walOf(listed.wal_file_name ?? null),
    tablespaces: tablespacesOf(listed.tablespace_spec ?? {}),
  }));
}

function tablespacesOf(spec: NonNullable<Listed['tablespace_spec']>) {
  return Object.entries(spec).flatMap(([oid, entry]) =>
    /^\d+$/.test(oid) && entry.loc !== undefined ? [{ oid, location: entry.loc }] : [],
  );
}

/** `NAME=value` lines as in an environment file of systemd; quotes around a value are taken off. */
export function readEnvironmentFile(text: string): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*?)\s*$/.exec(line);
    const [, name, value] = match ?? [];
    if (name !== undefined && value !== undefined)
      variables[name] = value.replace(/^(['"])(.*)\1$/, '$2');
  }
  return variables;
}
