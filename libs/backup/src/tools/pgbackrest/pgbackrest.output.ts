import type { Lsn } from '#libs/kernel';
import { walOf } from '../../wal-segment.ts';

export type RepositoryFacts = {
  /** 0 is well; the message says what is not. */
  readonly status: { readonly code: number; readonly message: string };
  readonly systemIdentifier: string | null;
  readonly major: number | null;
  readonly latest: { readonly label: string; readonly bytes: number } | null;
  /** End of the last archived segment. */
  readonly wal: { readonly timeline: number; readonly lsn: Lsn } | null;
};

type Info = readonly {
  readonly status: { readonly code: number; readonly message: string };
  readonly db: readonly { readonly version: string; readonly 'system-id': string }[];
  readonly archive: readonly { readonly max: string | null }[];
  readonly backup: readonly {
    readonly label: string;
    readonly error: boolean | null;
    readonly info: { readonly size: number };
  }[];
}[];

/** Reads `pgbackrest info --output=json`. @throws SyntaxError when it is no JSON */
export function readInfo(json: string): RepositoryFacts {
  // System identifiers have 64 bits: a number of JavaScript would lose the last ones.
  const text = json.replace(/("system-id":\s*)(\d+)/g, '$1"$2"');
  const [stanza] = JSON.parse(text) as Info;
  if (stanza === undefined) {
    const status = { code: 1, message: 'no such stanza' };
    return { status, systemIdentifier: null, major: null, latest: null, wal: null };
  }
  const db = stanza.db.at(-1);
  const latest = stanza.backup.at(-1);
  return {
    status: stanza.status,
    systemIdentifier: db?.['system-id'] ?? null,
    major: db === undefined ? null : Number.parseInt(db.version, 10),
    latest: latest === undefined ? null : { label: latest.label, bytes: latest.info.size },
    wal: walOf(stanza.archive.at(-1)?.max ?? null),
  };
}

type SetInfo = readonly {
  readonly backup: readonly {
    readonly tablespace?: readonly { readonly name: string; readonly destination: string }[] | null;
  }[];
}[];

/** Tablespaces of the backup that `info --set` was asked about. */
export function readTablespaces(json: string): readonly { name: string; location: string }[] {
  const [stanza] = JSON.parse(json) as SetInfo;
  const found = stanza?.backup.at(-1)?.tablespace ?? [];
  return found.map(({ name, destination }) => ({ name, location: destination }));
}

/** The share that is done, of a line like `... restore file /x/base/1/2 (64MB, 59.59%) checksum`. */
export function restoreRatio(line: string): number | undefined {
  const percent = /restore file .* \([^()]*, ([\d.]+)%\)/.exec(line)?.[1];
  return percent === undefined ? undefined : Number(percent) / 100;
}
