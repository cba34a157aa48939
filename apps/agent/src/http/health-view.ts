import { type AgentReport, type ClusterState, type Goal, isSynchronous } from '#libs/cluster';
import type { Lsn } from '#libs/kernel';

/** What the health endpoints judge: the newest look, its age, and what the lease allows. */
export type HealthView = {
  readonly report: AgentReport | null;
  /** Since the look behind `report` began. */
  readonly lookAgeMs: number;
  /** Until the guard stops a primary; null without a lease. */
  readonly leaseRemainingMs: number | null;
  readonly goal: Goal | null;
  readonly state: ClusterState | null;
  readonly noLoadBalance: boolean;
  readonly tags: Readonly<Record<string, string | number | boolean>>;
  readonly connectedControllers: number;
  /** A primary that was restarted, until enough standbys have what it recovered (safety 12). */
  readonly clientsKeptOut: boolean;
};

export type HealthQuery = Readonly<Record<string, string | undefined>>;

/** A look older than this says nothing of the present. */
const LOOK_LIMIT_MS = 2_000;

/** Holds the lease, accepts writes of clients, and both are known to be true now. */
export function isPrimary(view: HealthView): boolean {
  const { report, lookAgeMs, leaseRemainingMs, clientsKeptOut } = view;
  if (report === null || lookAgeMs > LOOK_LIMIT_MS || clientsKeptOut) return false;
  if (leaseRemainingMs === null || leaseRemainingMs <= 0) return false;
  return report.postgres.kind === 'primary' && !report.postgres.readOnly;
}

/** Streams from another cluster's primary, for this cluster; nobody here may write. */
export function isStandbyLeader(view: HealthView): boolean {
  const { goal, report } = view;
  if (goal?.kind !== 'standby' || goal.remote === undefined) return false;
  return isRunning(view) && report?.postgres.kind === 'standby';
}

/** It never streams, and how far behind it is nobody can tell. */
function leadsFromArchive(view: HealthView): boolean {
  return isStandbyLeader(view) && view.goal?.kind === 'standby' && view.goal.archiveOnly === true;
}

export function isRunning({ report, lookAgeMs }: HealthView): boolean {
  const kind = report?.postgres.kind;
  return lookAgeMs <= LOOK_LIMIT_MS && (kind === 'primary' || kind === 'standby');
}

/** Replay behind what the primary last told; null when that was never heard. */
function replayLagBytes({ report }: HealthView): bigint | null {
  if (report?.postgres.kind !== 'standby') return null;
  const { receiver, replayedLsn, receivedLsn } = report.postgres;
  const known: Lsn | null = receiver?.latestEndLsn ?? receivedLsn;
  if (known === null || replayedLsn === null) return null;
  return known > replayedLsn ? known - replayedLsn : 0n;
}

/** A running standby that may serve reads, within the lag and with the tags that were asked for. */
export function isReplica(view: HealthView, query: HealthQuery): boolean {
  if (!isRunning(view) || view.report?.postgres.kind !== 'standby') return false;
  if (isStandbyLeader(view)) return false;
  if (view.noLoadBalance || !tagsMatch(view, query)) return false;
  if (query['replication_state'] === 'streaming' && !isStreaming(view)) return false;
  const limit = query['lag'];
  return limit === undefined || withinLag(view, limit);
}

/**
 * Commits wait for this standby, and a failover may rely on it: as one of an order (`sync`) or as one of
 * any (`quorum`). Null: neither, or another copy of the data was meant.
 */
export function syncRoleOf({ report, state }: HealthView): 'sync' | 'quorum' | null {
  const { lease, sync, settings } = state ?? {};
  if (report === null || lease === undefined || lease.kind === 'NeverGranted') return null;
  if (sync?.committed == null || sync.epoch !== lease.epoch) return null;
  const { instance, replicationName } = report;
  const isMember = sync.committed.members.some(
    (member) => member.instance === instance && member.name === replicationName,
  );
  if (!isMember) return null;
  return settings?.synchronousMode === 'quorum' ? 'quorum' : 'sync';
}

/** Who is in the set changes without a word to this host while no controller is reached. */
function knowsTheSet({ connectedControllers, state }: HealthView): boolean {
  return connectedControllers > 0 || (state !== null && !isSynchronous(state));
}

export function isSync(view: HealthView, query: HealthQuery): boolean {
  return isReplica(view, query) && knowsTheSet(view) && syncRoleOf(view) === 'sync';
}

export function isQuorum(view: HealthView, query: HealthQuery): boolean {
  return isReplica(view, query) && knowsTheSet(view) && syncRoleOf(view) === 'quorum';
}

export function isAsync(view: HealthView, query: HealthQuery): boolean {
  return isReplica(view, query) && knowsTheSet(view) && syncRoleOf(view) === null;
}

/** Ready for traffic: primary, a standby that streams and is not far behind, or one that leads from an archive. */
export function isReady(view: HealthView, query: HealthQuery): boolean {
  if (isPrimary(view) || leadsFromArchive(view)) return true;
  if (!isRunning(view) || !isStreaming(view)) return false;
  const byDefault = view.state?.settings.maximumLagOnFailoverBytes;
  const limit = query['lag'] ?? (byDefault === undefined ? undefined : String(byDefault));
  return limit === undefined || withinLag(view, limit);
}

/** The agent's own loop goes on, whatever PostgreSQL does. */
export function isAlive({ lookAgeMs, state }: HealthView): boolean {
  return lookAgeMs <= 2 * (state?.settings.leaseTtlMs ?? LOOK_LIMIT_MS);
}

function isStreaming({ report }: HealthView): boolean {
  return report?.postgres.kind === 'standby' && report.postgres.receiver?.streaming === true;
}

function tagsMatch({ tags }: HealthView, query: HealthQuery): boolean {
  return Object.entries(query).every(([name, wanted]) => {
    if (!name.startsWith('tag_')) return true;
    const value = tags[name.slice('tag_'.length)];
    return value !== undefined && String(value) === wanted;
  });
}

function withinLag(view: HealthView, limit: string): boolean {
  const limitBytes = parseBytes(limit);
  const lagBytes = replayLagBytes(view);
  return limitBytes !== null && lagBytes !== null && lagBytes <= limitBytes;
}

const UNIT_BYTES: Readonly<Record<string, bigint>> = {
  '': 1n,
  B: 1n,
  KB: 1_024n,
  MB: 1_048_576n,
  GB: 1_073_741_824n,
  TB: 1_099_511_627_776n,
};

/** `16384`, `16kB`, `10MB`; null when it is no size. */
export function parseBytes(text: string): bigint | null {
  const match = /^\s*(\d{1,18})\s*([a-z]*)\s*$/i.exec(text);
  const unit = UNIT_BYTES[match?.[2]?.toUpperCase() ?? ''];
  return match?.[1] === undefined || unit === undefined ? null : BigInt(match[1]) * unit;
}
