import type { RecoveryTarget } from '#libs/cluster';
import { parseLsn } from '#libs/kernel';
import { endedBefore } from '../../ended-before.ts';
import { WAL_SEGMENT_BYTES, walOf } from '../../wal-segment.ts';
import { archiveFirst, type BarmanBackup } from './barman.output.ts';

type Listed = {
  readonly status?: string;
  readonly version?: number | null;
  readonly systemid?: string | null;
  readonly size?: number | null;
  /** Name, oid and location of each. */
  readonly tablespaces?: readonly (readonly [string, unknown, string])[] | null;
  readonly begin_wal?: string | null;
  readonly end_wal?: string | null;
  readonly end_time?: string | null;
  readonly end_xlog?: string | null;
};

type Diagnosis = {
  readonly global?: { readonly config?: { readonly barman_home?: string } };
  readonly servers?: Readonly<Record<string, ServerPart>>;
};

type ServerPart = {
  readonly config?: { readonly recovery_options?: readonly string[] | null };
  readonly backups?: Readonly<Record<string, Listed>>;
  readonly wals?: {
    readonly last_archived_wal_per_timeline?: Readonly<Record<string, { readonly name?: string }>>;
  };
};

export type DiagnosedServer = {
  /** Those that are whole, newest first. */
  readonly backups: readonly BarmanBackup[];
  /** Why the newest of the others is none; null when there is no other. */
  readonly unfinished: string | null;
  /** `barman_home` on its host. */
  readonly home: string | null;
};

export type Found<Value> =
  | { readonly kind: 'found'; readonly value: Value }
  | { readonly kind: 'none'; readonly why: string };

/** Reads what `barman diagnose` says of a server. */
export function readDiagnosis(answer: unknown, server: string): Found<DiagnosedServer> {
  const { servers = {}, global } = answer as Diagnosis;
  const part = servers[server];
  if (part === undefined) {
    const names = Object.keys(servers);
    const there = names.length === 0 ? 'none' : names.join(', ');
    return {
      kind: 'none',
      why: `Barman has no server '${server}' (backup.barman.server): ${there}`,
    };
  }
  const newestFirst = Object.entries(part.backups ?? {}).sort(([a], [b]) => (a < b ? 1 : -1));
  const whole = newestFirst.filter(([, { status }]) => status === 'DONE');
  const other = newestFirst.find(([, { status }]) => status !== 'DONE');
  const value = {
    backups: whole.map(([id, listed]) => backupOf(id, listed, part)),
    unfinished: other === undefined ? null : whyNot(other[0], other[1].status, server),
    home: global?.config?.barman_home ?? null,
  };
  return { kind: 'found', value };
}

function backupOf(id: string, listed: Listed, part: ServerPart): BarmanBackup {
  const { version, systemid, size, tablespaces, end_wal: endWal, end_time: end } = listed;
  const { end_xlog: endLsn } = listed;
  const endedAtMs = Date.parse(end ?? '');
  return {
    id,
    major: version == null ? null : Math.floor(version / 10_000),
    bytes: size == null ? null : size + copiedWalBytes(listed, part),
    tablespaces: (tablespaces ?? []).map(([name, , location]) => ({ name, location })),
    wal: walOf(lastArchived(part, '') ?? endWal ?? null),
    beginLsn: null,
    timelines: [],
    systemIdentifier: systemid ?? null,
    endedAtMs: Number.isNaN(endedAtMs) ? null : endedAtMs,
    endLsn: endLsn == null ? null : parseLsn(endLsn),
  };
}

/** Without `--get-wal`, for which the API does not ask, Barman copies what it has of the backup's timeline since its begin. */
function copiedWalBytes({ begin_wal: first, end_wal: last }: Listed, part: ServerPart): number {
  if (part.config?.recovery_options?.includes('get-wal') === true) return 0;
  const begin = walOf(first ?? null);
  const end = walOf(lastArchived(part, first?.slice(0, 8) ?? '') ?? last ?? null);
  if (begin === null || end === null || end.lsn < begin.lsn) return 0;
  return Number(end.lsn - begin.lsn + WAL_SEGMENT_BYTES);
}

/** Names of segments begin with the timeline: the greatest is the newest. */
function lastArchived({ wals }: ServerPart, timeline: string): string | null {
  const names = Object.values(wals?.last_archived_wal_per_timeline ?? {}).map(({ name }) => name);
  return (
    names
      .filter((name) => name?.startsWith(timeline))
      .sort()
      .at(-1) ?? null
  );
}

function whyNot(id: string, status: string | undefined, server: string): string {
  const waits = status === 'WAITING_FOR_WALS' ? archiveFirst(server) : '';
  return `backup ${id} is ${status ?? 'of no status'}${waits}`;
}

/** The configured backup, or the newest that ended before a target by time or LSN. */
export function chooseBackup(
  { backups, unfinished }: DiagnosedServer,
  wanted: string,
  target: RecoveryTarget | null,
): Found<BarmanBackup> {
  const beside = unfinished === null ? '' : `; ${unfinished}`;
  if (target?.kind === 'time' || target?.kind === 'lsn') {
    const value = backups.find((backup) => endedBefore(backup, target));
    if (value !== undefined) return { kind: 'found', value };
    return { kind: 'none', why: `no whole backup ended before ${target.value}${beside}` };
  }
  const value = named(backups, wanted);
  if (value !== undefined) return { kind: 'found', value };
  const ids = backups.map(({ id }) => id).join(', ');
  const why =
    backups.length === 0
      ? `there is no whole backup${beside}`
      : `there is no whole backup '${wanted}' (backup.barman.backup): ${ids}${beside}`;
  return { kind: 'none', why };
}

function named(backups: readonly BarmanBackup[], wanted: string): BarmanBackup | undefined {
  if (wanted === 'latest' || wanted === 'last') return backups[0];
  if (wanted === 'oldest' || wanted === 'first') return backups.at(-1);
  return backups.find(({ id }) => id === wanted);
}

/** The API passes no `--tablespace`: Barman would write over those that lie at their old locations here. */
export function tablespaceRefusal({ id, tablespaces }: BarmanBackup): string | null {
  if (tablespaces.length === 0) return null;
  const names = tablespaces.map(({ name, location }) => `${name} at ${location}`).join(', ');
  return (
    `backup ${id} has tablespaces (${names}), which pg-backup-api restores to nowhere but their old locations: ` +
    'leave out backup.barman.api, so that barman is run over SSH, or use another method'
  );
}
