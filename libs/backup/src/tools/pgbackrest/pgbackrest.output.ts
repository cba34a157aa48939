import type { RecoveryTarget } from '#libs/cluster';
import { formatLsn, isoTime, type Lsn, parseLsn } from '#libs/kernel';
import { walOf } from '../../wal-segment.ts';

export type RepositoryFacts = {
  /** 0 is well; the message says what is not. */
  readonly status: { readonly code: number; readonly message: string };
  readonly systemIdentifier: string | null;
  readonly major: number | null;
  /** The newest last. */
  readonly backups: readonly Backup[];
  /** End of the last archived segment. */
  readonly wal: { readonly timeline: number; readonly lsn: Lsn } | null;
};

export type Backup = {
  readonly label: string;
  readonly bytes: number;
  /** When it ended, in whole seconds: that is all pgBackRest keeps. */
  readonly stoppedAtMs: number;
  /** Null from a pgBackRest that is too old to tell. */
  readonly stopLsn: Lsn | null;
};

type Info = readonly {
  readonly status: { readonly code: number; readonly message: string };
  readonly db: readonly { readonly version: string; readonly 'system-id': string }[];
  readonly archive: readonly { readonly max: string | null }[];
  readonly backup: readonly {
    readonly label: string;
    readonly error: boolean | null;
    readonly info: { readonly size: number };
    readonly timestamp: { readonly stop: number };
    readonly lsn?: { readonly stop: string };
  }[];
}[];

const MS_PER_SECOND = 1_000;

/** Reads `pgbackrest info --output=json`. @throws SyntaxError when it is no JSON */
export function readInfo(json: string): RepositoryFacts {
  // System identifiers have 64 bits: a number of JavaScript would lose the last ones.
  const text = json.replace(/("system-id":\s*)(\d+)/g, '$1"$2"');
  const [stanza] = JSON.parse(text) as Info;
  if (stanza === undefined) {
    const status = { code: 1, message: 'no such stanza' };
    return { status, systemIdentifier: null, major: null, backups: [], wal: null };
  }
  const db = stanza.db.at(-1);
  return {
    status: stanza.status,
    systemIdentifier: db?.['system-id'] ?? null,
    major: db === undefined ? null : Number.parseInt(db.version, 10),
    backups: stanza.backup.map(({ label, info, timestamp, lsn }) => ({
      label,
      bytes: info.size,
      stoppedAtMs: timestamp.stop * MS_PER_SECOND,
      stopLsn: lsn === undefined ? null : parseLsn(lsn.stop),
    })),
    wal: walOf(stanza.archive.at(-1)?.max ?? null),
  };
}

/**
 * The newest backup that recovery can bring to the target: it must have ended before. One that ended in the
 * very second of a target in time may have; it is taken when there is no earlier one, and PostgreSQL says
 * whether it had.
 */
export function backupFor(
  backups: readonly Backup[],
  target: RecoveryTarget | null,
): Backup | { readonly why: string } {
  const newest = backups.at(-1);
  if (newest === undefined) return { why: 'no backup' };
  if (target?.kind === 'lsn') {
    const wanted = parseLsn(target.value);
    const early = backups.findLast(({ stopLsn }) => stopLsn !== null && stopLsn <= wanted);
    return early ?? { why: tooEarly(target, backups[0]) };
  }
  const wantedMs = target?.kind === 'time' ? Date.parse(target.value) : Number.NaN;
  if (target?.kind !== 'time' || Number.isNaN(wantedMs)) return newest;
  const secondMs = Math.floor(wantedMs / MS_PER_SECOND) * MS_PER_SECOND;
  const early = backups.findLast(({ stoppedAtMs }) => stoppedAtMs < secondMs);
  const sameSecond = backups.find(({ stoppedAtMs }) => stoppedAtMs === secondMs);
  return early ?? sameSecond ?? { why: tooEarly(target, backups[0]) };
}

function tooEarly({ kind, value }: RecoveryTarget, oldest: Backup | undefined): string {
  if (oldest === undefined) return 'no backup';
  const { label, stoppedAtMs, stopLsn } = oldest;
  const ended =
    kind === 'lsn' && stopLsn !== null ? `at ${formatLsn(stopLsn)}` : `at ${isoTime(stoppedAtMs)}`;
  return (
    `no backup ended before the target (${kind} ${value}): the oldest, ${label}, ended ${ended}; ` +
    'name a later target'
  );
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

/** The same of what 2.33 says to people. */
export function readShownTablespaces(text: string): readonly { name: string; location: string }[] {
  const lines = text.split('\n');
  const head = lines.findIndex((line) => /^\s*tablespaces:\s*$/.test(line));
  const listed = head < 0 ? [] : lines.slice(head + 1);
  const found = listed.map((line) => /^\s+(.+) \(\d+\) => (.+?)\s*$/.exec(line));
  const end = found.indexOf(null);
  return found.slice(0, end < 0 ? found.length : end).flatMap((match) => {
    const [, name, location] = match ?? [];
    return name === undefined || location === undefined ? [] : [{ name, location }];
  });
}

/** The share that is done, of a line like `... restore file /x/base/1/2 (64MB, 59.59%) checksum`. */
export function restoreRatio(line: string): number | undefined {
  const percent = /restore file .* \([^()]*, ([\d.]+)%\)/.exec(line)?.[1];
  return percent === undefined ? undefined : Number(percent) / 100;
}
