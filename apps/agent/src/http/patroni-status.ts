import type { AgentReport, PostgresCondition } from '#libs/cluster';
import type { ReachableInstance } from '#libs/postgres-run';
import { type HealthView, isPrimary, isStandbyLeader, syncRoleOf } from './health-view.ts';

export type StatusSubject = {
  readonly view: HealthView;
  readonly sql: ReachableInstance | null;
  readonly cluster: string;
  readonly instance: string;
  readonly version: string;
};

/** The body of `GET /patroni` and of the health checks (reference/patroni.md 3.4). */
export function patroniStatus(subject: StatusSubject): Record<string, unknown> {
  const { view, sql, cluster, instance, version } = subject;
  const { report, state } = view;
  return {
    state: stateText(report?.postgres ?? null),
    role: roleText(view),
    ...(sql === null ? {} : serverFields(sql)),
    ...(report === null ? {} : positionFields(report)),
    ...(state === null ? {} : { cluster_unlocked: state.lease.kind !== 'Held' }),
    ...(state?.paused === true ? { pause: true } : {}),
    ...syncFields(view),
    tags: view.tags,
    patroni: { version, scope: cluster, name: instance },
    matriarch: {
      epoch: report?.guard?.epoch ?? null,
      lease_remaining_ms: view.leaseRemainingMs === null ? null : Math.round(view.leaseRemainingMs),
      goal: view.goal?.kind ?? null,
      activity: report?.activity ?? null,
      problem: report?.problem ?? null,
    },
  };
}

function syncFields(view: HealthView): Record<string, unknown> {
  if (view.report?.postgres.kind !== 'standby') return {};
  const role = syncRoleOf(view);
  return role === null ? {} : { [role === 'sync' ? 'sync_standby' : 'quorum_standby']: true };
}

function stateText(postgres: PostgresCondition | null): string {
  switch (postgres?.kind) {
    case 'primary':
    case 'standby':
      return 'running';
    case 'starting':
    case 'stopping':
    case 'stopped':
      return postgres.kind;
    case 'foreign':
    case 'unresponsive':
    case undefined:
      return 'unknown';
  }
}

function roleText(view: HealthView): string {
  const kind = view.report?.postgres.kind;
  if (kind === 'primary') return isPrimary(view) ? 'primary' : 'demoted';
  if (kind === 'standby') return isStandbyLeader(view) ? 'standby_leader' : 'replica';
  return view.report?.dataDirectory.kind === 'initialised' ? 'demoted' : 'uninitialized';
}

function serverFields(sql: ReachableInstance): Record<string, unknown> {
  const { version, postmasterStartedAt, role, replicas } = sql;
  return {
    server_version: version.major * 10_000 + version.minor,
    postmaster_start_time: new Date(postmasterStartedAt).toISOString(),
    timeline: role.timeline,
    database_system_identifier: sql.systemIdentifier,
    ...(role.kind === 'standby' && role.receiver?.status === 'streaming'
      ? { replication_state: 'streaming' }
      : {}),
    ...(replicas.length === 0
      ? {}
      : {
          replication: replicas.map((replica) => ({
            usename: replica.user,
            application_name: replica.applicationName,
            client_addr: replica.clientAddress ?? null,
            state: replica.state,
            sync_state: replica.syncState,
          })),
        }),
    ...(sql.pendingRestart.length === 0 ? {} : { pending_restart: true }),
  };
}

/** Positions are byte counts, as Patroni shows them; beyond 2^53 they lose their last bits in JSON. */
function positionFields({ postgres }: AgentReport): Record<string, unknown> {
  if (postgres.kind === 'primary') return { xlog: { location: Number(postgres.writeLsn) } };
  if (postgres.kind !== 'standby') return {};
  const { receivedLsn, replayedLsn } = postgres;
  return {
    xlog: {
      received_location: receivedLsn === null ? null : Number(receivedLsn),
      replayed_location: replayedLsn === null ? null : Number(replayedLsn),
    },
  };
}
