import {
  DomainError,
  type Lsn,
  parseLsn,
  type TimelineId,
  timelineId,
  ZERO_LSN,
} from '#libs/kernel';

/** In the order of PostgreSQL's `DBState`, as `pg_controldata` writes them. */
export const CLUSTER_STATES = [
  'starting up',
  'shut down',
  'shut down in recovery',
  'shutting down',
  'in crash recovery',
  'in archive recovery',
  'in production',
] as const;

export type ClusterStateText = (typeof CLUSTER_STATES)[number];

/** What `pg_controldata` tells of a data directory, running or not. */
export type ControlData = {
  /** 64 unsigned bits; kept as text because it is compared, never computed with. */
  readonly systemIdentifier: string;
  readonly state: ClusterStateText;
  readonly checkpointLsn: Lsn;
  readonly redoLsn: Lsn;
  readonly checkpointTimeline: TimelineId;
  readonly previousTimeline: TimelineId;
  /** Zero unless recovery has to reach it before the directory is consistent. */
  readonly minRecoveryLsn: Lsn;
  readonly minRecoveryTimeline: number;
  readonly walLogHints: boolean;
  readonly dataChecksums: boolean;
  readonly walSegmentBytes: number;
  readonly walLevel: string;
  /** Settings that a standby needs at least as high as its primary had. */
  readonly standbyMinimums: Readonly<Record<string, number>>;
};

export class ControlDataError extends DomainError {
  readonly code = 'CONTROL_DATA_UNREADABLE';

  constructor(field: string, value: string | undefined) {
    super(
      `pg_controldata gives '${value ?? 'nothing'}' as '${field}': is this a data directory, and is ` +
        'pg_controldata of its major version, run with LC_ALL=C?',
    );
  }
}

const STANDBY_MINIMUMS: readonly (readonly [string, string])[] = [
  ['max_connections', 'max_connections setting'],
  ['max_worker_processes', 'max_worker_processes setting'],
  ['max_wal_senders', 'max_wal_senders setting'],
  ['max_prepared_transactions', 'max_prepared_xacts setting'],
  ['max_locks_per_transaction', 'max_locks_per_xact setting'],
];

/** @throws ControlDataError when a field is missing or has a form that no supported version writes */
export function parseControlData(text: string): ControlData {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined || value === '') throw new ControlDataError(name, value);
    return value;
  };
  const count = (name: string): number => {
    const value = field(name);
    if (!/^\d+$/.test(value)) throw new ControlDataError(name, value);
    return Number(value);
  };
  const state = CLUSTER_STATES.find((known) => known === fields.get('Database cluster state'));
  if (state === undefined) {
    throw new ControlDataError('Database cluster state', fields.get('Database cluster state'));
  }
  return {
    systemIdentifier: field('Database system identifier'),
    state,
    checkpointLsn: parseLsn(field('Latest checkpoint location')),
    redoLsn: parseLsn(field("Latest checkpoint's REDO location")),
    checkpointTimeline: timelineId(count("Latest checkpoint's TimeLineID")),
    previousTimeline: timelineId(count("Latest checkpoint's PrevTimeLineID")),
    minRecoveryLsn: parseLsn(field('Minimum recovery ending location')),
    minRecoveryTimeline: count("Min recovery ending loc's timeline"),
    walLogHints: field('wal_log_hints setting') === 'on',
    dataChecksums: count('Data page checksum version') > 0,
    walSegmentBytes: count('Bytes per WAL segment'),
    walLevel: field('wal_level setting'),
    standbyMinimums: Object.fromEntries(STANDBY_MINIMUMS.map(([name, key]) => [name, count(key)])),
  };
}

/** A directory in any other state must recover before `pg_rewind` can look at it. */
export function wasShutDownCleanly(control: ControlData): boolean {
  return control.state === 'shut down' || control.state === 'shut down in recovery';
}

/** `pg_rewind` needs every change of a page in the WAL. */
export function canBeRewound(control: ControlData): boolean {
  return control.walLogHints || control.dataChecksums;
}

/** The furthest position that the control file vouches for; the WAL may go on behind it. */
export function controlledLsn(control: ControlData): Lsn {
  return control.minRecoveryLsn === ZERO_LSN || control.minRecoveryLsn < control.checkpointLsn
    ? control.checkpointLsn
    : control.minRecoveryLsn;
}
