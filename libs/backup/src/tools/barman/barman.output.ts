import { type Lsn, lsnOf, parseLsn, type TimelineId, timelineId } from '#libs/kernel';
import { WAL_SEGMENT_BYTES, walOf } from '../../wal-segment.ts';

export type BarmanBackup = {
  readonly id: string;
  readonly major: number | null;
  readonly bytes: number | null;
  readonly tablespaces: readonly { readonly name: string; readonly location: string }[];
  readonly wal: { readonly timeline: number; readonly lsn: Lsn } | null;
  /** First position that a copy of it needs; null: not told. */
  readonly beginLsn: Lsn | null;
  /** Later ones that lead on from it, as far as Barman has heard of them. */
  readonly timelines: readonly TimelineId[];
  readonly systemIdentifier: string | null;
  readonly endedAtMs: number | null;
  readonly endLsn: Lsn | null;
};

type Shown = {
  readonly backup_id: string;
  readonly status: string;
  readonly postgresql_version?: number;
  readonly system_id?: string;
  readonly tablespaces?: readonly { readonly name: string; readonly location: string }[];
  readonly base_backup_information?: {
    readonly disk_usage_bytes?: number;
    readonly begin_wal?: string;
    readonly end_wal?: string;
    readonly end_time_timestamp?: string;
    readonly end_lsn?: string;
  };
  readonly wal_information?: {
    readonly last_available?: string | null;
    readonly timelines?: readonly string[];
  };
};

export type ShownBackup =
  | { readonly kind: 'backup'; readonly backup: BarmanBackup }
  | { readonly kind: 'none'; readonly why: string };

/** Its cron does both once a minute; WAL that is archived alone does not make a backup whole. */
export function archiveFirst(server: string): string {
  return (
    `: WAL that it needs is not archived and checked yet, \`barman archive-wal ${server}\` and ` +
    `\`barman check-backup ${server} latest\` on its host do that, or its \`barman cron\``
  );
}

/** Reads `barman -f json show-backup`; what it refuses is in `_ERROR`, with exit code 1. */
export function readShownBackup(json: string, server: string): ShownBackup {
  const answer = JSON.parse(json) as Record<string, unknown>;
  const errors = answer['_ERROR'];
  if (Array.isArray(errors)) return { kind: 'none', why: errors.map(String).join('; ') };
  const shown = answer[server] as Shown | undefined;
  if (shown === undefined) return { kind: 'none', why: `no answer about server ${server}` };
  if (shown.status !== 'DONE') {
    const why = `backup ${shown.backup_id} is ${shown.status}`;
    const waits = shown.status === 'WAITING_FOR_WALS';
    return { kind: 'none', why: waits ? `${why}${archiveFirst(server)}` : why };
  }
  const copy = shown.base_backup_information;
  const version = shown.postgresql_version;
  const ended = Number(copy?.end_time_timestamp);
  return {
    kind: 'backup',
    backup: {
      id: shown.backup_id,
      major: version === undefined ? null : Math.floor(version / 10_000),
      bytes: copy?.disk_usage_bytes ?? null,
      tablespaces: shown.tablespaces ?? [],
      wal: walOf(shown.wal_information?.last_available ?? copy?.end_wal ?? null),
      beginLsn: beginOf(copy?.begin_wal ?? null),
      timelines: (shown.wal_information?.timelines ?? []).map((id) => timelineId(Number(id))),
      systemIdentifier: shown.system_id ?? null,
      endedAtMs: Number.isFinite(ended) ? ended * 1_000 : null,
      endLsn: copy?.end_lsn === undefined ? null : parseLsn(copy.end_lsn),
    },
  };
}

function beginOf(segment: string | null): Lsn | null {
  const whole = walOf(segment);
  return whole === null ? null : lsnOf(whole.lsn - WAL_SEGMENT_BYTES);
}

/** Of `barman show-backup` as people read it. */
export function readSystemIdentifier(text: string): string | null {
  return /^\s*System Id\s*:\s*(\d+)\s*$/m.exec(text)?.[1] ?? null;
}

/** Ids of `barman -f json list-backups` that are whole, newest first, with the end of each. */
export function readBackupList(
  json: string,
  server: string,
): readonly { readonly id: string; readonly endedAtMs: number }[] {
  const answer = JSON.parse(json) as Record<string, unknown>;
  const listed = (answer[server] ?? []) as readonly {
    readonly backup_id: string;
    readonly status: string;
    readonly end_time_timestamp?: string;
  }[];
  return listed
    .filter(({ status }) => status === 'DONE')
    .map(({ backup_id: id, end_time_timestamp: end }) => ({ id, endedAtMs: Number(end) * 1_000 }));
}

/** Of two answers to `cat boot_id` whether they name two hosts: what is no such answer says nothing. */
export function isOtherHost(there: string, here: string): boolean {
  const [a, b] = [there, here].map((text) => /[0-9a-f-]{36}\s*$/.exec(text)?.[0].trim());
  return a !== undefined && b !== undefined && a !== b;
}
