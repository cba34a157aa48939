import {
  type AgentReport,
  type ClusterState,
  dangerOf,
  type Following,
  heldBack,
  inMaintenance,
  isArchive,
  lastHolder,
  type MemberRecord,
  rootOf,
  type SlotReport,
  upstreamOf as upstreamFor,
} from '#libs/cluster';
import {
  bytesText,
  formatAddress,
  formatLsn,
  type InstanceName,
  type Lsn,
  maxLsn,
  unreachable,
  walLagBytes,
} from '#libs/kernel';
import { copiesAsideOf } from './copy-aside-text.ts';
import { failsafeText } from './failsafe-text.ts';
import {
  type Heard,
  isUnheard,
  LISTENS_EVER,
  type ListeningForMs,
  SILENT_AFTER_MS,
} from './heard.ts';
import { operationText } from './operation-text.ts';
import { rebuildStateOf, rebuildViewOf } from './rebuild-view.ts';
import { positionToken } from './remote-text.ts';
import { restartPlanText } from './restart-text.ts';
import type { ClusterView, InstanceState, InstanceView } from './status.ts';
import { synchronousText } from './synchronous-text.ts';

/** What people are shown of a cluster: the committed state, and what the leader heard. */
export function clusterViewOf(
  state: ClusterState,
  heard: ReadonlyMap<InstanceName, Heard>,
  listeningForMs: ListeningForMs = LISTENS_EVER,
): ClusterView {
  const { lease, following } = state;
  const granted = lease.kind === 'NeverGranted' ? null : lease;
  const serving = granted !== null && granted.kind === 'Held' && granted.serving;
  const primaryLsn = lsnOfPrimary(state, heard);
  return {
    name: state.name,
    phase: phaseOf(state, heard, listeningForMs),
    unheardForMs: unheardForMs(state, heard, listeningForMs),
    operation: operationText(state.operation),
    copiesAside: copiesAsideOf(state),
    paused: state.paused,
    restart: restartPlanText(state.restart),
    synchronous: synchronousText(state),
    failsafe: failsafeText(state, heard),
    lease: {
      kind: lease.kind,
      epoch: granted?.epoch ?? null,
      holder: granted?.holder ?? null,
      serving,
    },
    following: following === undefined ? null : followingViewOf(following),
    systemIdentifier: state.systemIdentifier,
    timeline: state.history.at(-1)?.timeline ?? null,
    version: state.version,
    sequence: state.sequence,
    instances: Object.values(state.members)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((member) => {
        const known = heard.get(member.name);
        const view = instanceViewOf(member, known, state, primaryLsn);
        return isUnheard(known, listeningForMs) ? { ...view, state: 'unheard' } : view;
      }),
  };
}

function phaseOf(
  { lease, following, history }: ClusterState,
  heard: ReadonlyMap<InstanceName, Heard>,
  listeningForMs: ListeningForMs,
): ClusterView['phase'] {
  if (lease.kind === 'Held' && lease.serving) {
    return seenDown(lease.holder, heard) === null ? 'serving' : 'down';
  }
  if (history.length === 0) return 'new';
  const leader = following?.leader == null ? undefined : heard.get(following.leader);
  if (following?.leader != null && isUnheard(leader, listeningForMs)) return 'standby';
  if (leader === undefined || leader.ageMs > SILENT_AFTER_MS) return 'down';
  return leader.report.postgres.kind === 'standby' ? 'standby' : 'down';
}

/** Null where everybody was heard, or where this controller does not lead. */
function unheardForMs(
  { members }: ClusterState,
  heard: ReadonlyMap<InstanceName, Heard>,
  listeningForMs: ListeningForMs,
): number | null {
  const some = Object.values(members).some(({ name }) => {
    return isUnheard(heard.get(name), listeningForMs);
  });
  return some && listeningForMs !== null ? Math.round(listeningForMs) : null;
}

/** What the holder's agent sees instead of a primary; null: it is one, or nobody hears its agent. */
export function seenDown(
  holder: InstanceName,
  heard: ReadonlyMap<InstanceName, Heard>,
): string | null {
  const seen = heard.get(holder);
  if (seen === undefined || seen.ageMs > SILENT_AFTER_MS) return null;
  return seen.report.postgres.kind === 'primary' ? null : stateOf(seen.report);
}

function followingViewOf({ remote, leader, stoppedAt }: Following): ClusterView['following'] {
  const place = isArchive(remote)
    ? { host: null, port: null, slot: null, archive: remote.archive }
    : { host: remote.host, port: remote.port, slot: remote.slot, archive: null };
  return {
    ...{ ...place, leader },
    stoppedAt: stoppedAt === null ? null : positionToken(stoppedAt),
  };
}

function instanceViewOf(
  member: MemberRecord,
  heard: Heard | undefined,
  state: ClusterState,
  primaryLsn: Lsn | null,
): InstanceView {
  const report = heard?.report;
  const lag =
    report === undefined || isFedByArchive(member.name, state) ? null : lagOf(report, primaryLsn);
  const silent = heard === undefined || heard.ageMs > SILENT_AFTER_MS;
  return {
    name: member.name,
    role: silent || report === undefined ? null : roleOf(report, state),
    state:
      silent || report === undefined
        ? 'silent'
        : (rebuildStateOf(state, report) ?? stateOf(report)),
    timeline: report === undefined ? null : timelineOf(report),
    lsn: report === undefined ? null : textOf(lsnOfReport(report)),
    lagBytes: lag?.toString() ?? null,
    lagText: lag === null ? null : bytesText(lag),
    receivingFrom: silent || report === undefined ? null : upstreamOf(report, state),
    guard: {
      attached: report !== undefined && report.guard !== null,
      epoch: report?.guard?.epoch ?? null,
      remainingMs: report?.guard?.remainingMs ?? null,
    },
    agent: { heardAgeMs: heard?.ageMs ?? null },
    rebuild: rebuildViewOf(state, member.name, report),
    maintenance: inMaintenance(state, member.name),
    actedVersion: report?.actedVersion ?? null,
    activity: report?.activity ?? null,
    problem: report?.problem ?? null,
    stall: report === undefined || silent ? null : stallText(report),
    postgres: formatAddress(member.postgres),
    agentUrl: `http://${formatAddress(member.agent)}`,
    tags: { ...DEFAULT_TAGS, ...member.tags },
    upstreamRemark: upstreamRemark(state, member.name),
    pendingRestart: pendingOf(member.name, report, state),
    slots: (report?.slots ?? []).map(slotViewOf),
  };
}

/** What PostgreSQL says, and what its primary is given only in a restart that was ordered. */
function pendingOf(
  instance: InstanceName,
  report: AgentReport | undefined,
  state: ClusterState,
): InstanceView['pendingRestart'] {
  const told = report?.pendingRestart ?? [];
  const held =
    report !== undefined && roleOf(report, state) === 'primary' ? heldBack(state, instance) : [];
  return [...told, ...held];
}

/** What does not work at a primary that runs. */
function stallText({ stall }: AgentReport): string | null {
  if (stall == null) return null;
  const what =
    stall.of === 'wal-flush' ? 'no WAL gets to its disk' : 'it answers no new connection';
  return `${what}, for ${Math.round(stall.forMs / 1_000)} s now`;
}

const DEFAULT_TAGS = {
  noSync: false,
  syncPriority: 1,
  noStream: false,
  cloneFrom: false,
  custom: {},
};

/** Why it does not stream from the one that its tag names. */
function upstreamRemark(state: ClusterState, instance: InstanceName): string | null {
  const root = state.following === undefined ? lastHolder(state) : rootOf(state);
  if (root === null || root === instance) return null;
  const { name, wanted, instead } = upstreamFor(state, instance, root);
  return instead === null ? null : `streams from ${name} in place of ${wanted}: ${instead}`;
}

function slotViewOf(slot: SlotReport): InstanceView['slots'][number] {
  const { name, type, active, walStatus, retainedBytes, safeBytes } = slot;
  return {
    ...{ name, type, active, walStatus, danger: dangerOf(slot) },
    retainedBytes: retainedBytes?.toString() ?? null,
    safeBytes: safeBytes?.toString() ?? null,
  };
}

function roleOf(
  { postgres, instance }: AgentReport,
  { following }: ClusterState,
): InstanceView['role'] {
  if (postgres.kind === 'standby' && following?.leader === instance) return 'standby-leader';
  return postgres.kind === 'primary' || postgres.kind === 'standby' ? postgres.kind : null;
}

/** What an instance is doing, from its own report. */
export function stateOf({ postgres, dataDirectory }: AgentReport): InstanceState {
  switch (postgres.kind) {
    case 'primary':
      return postgres.readOnly ? 'read-only' : 'serving';
    case 'standby':
      return postgres.receiver?.streaming === true ? 'streaming' : 'not streaming';
    case 'stopped':
      return dataDirectory.kind === 'initialised' ? 'stopped' : dataDirectory.kind;
    case 'starting':
    case 'stopping':
    case 'foreign':
    case 'unresponsive':
      return postgres.kind;
    default:
      return unreachable(postgres);
  }
}

function timelineOf({ postgres, dataDirectory }: AgentReport): number | null {
  if (postgres.kind === 'primary' || postgres.kind === 'standby') return postgres.timeline;
  return dataDirectory.kind === 'initialised' ? dataDirectory.timeline : null;
}

function lsnOfReport({ postgres, dataDirectory }: AgentReport): Lsn | null {
  if (postgres.kind === 'primary') return postgres.writeLsn;
  if (postgres.kind === 'standby') return laterOf(postgres.receivedLsn, postgres.replayedLsn);
  if (postgres.kind === 'starting') return postgres.progress;
  return dataDirectory.kind === 'initialised' ? (dataDirectory.walEnd?.lsn ?? null) : null;
}

/** What an archive brings is replayed and was never received. */
function laterOf(received: Lsn | null, replayed: Lsn | null): Lsn | null {
  return received === null || replayed === null
    ? (received ?? replayed)
    : maxLsn(received, replayed);
}

/** How far it is behind the other cluster nobody here can know: it is what the others are measured against. */
function isFedByArchive(instance: InstanceName, { following }: ClusterState): boolean {
  return following?.leader === instance && isArchive(following.remote);
}

function lagOf(report: AgentReport, primaryLsn: Lsn | null): bigint | null {
  if (report.postgres.kind === 'primary' || primaryLsn === null) return null;
  const lsn = lsnOfReport(report);
  return lsn === null ? null : walLagBytes(primaryLsn, lsn);
}

/** What the holder of the lease last reported to have written, or the remote to its follower. */
function lsnOfPrimary(
  { lease, following }: ClusterState,
  heard: ReadonlyMap<InstanceName, Heard>,
): Lsn | null {
  if (following !== undefined) {
    const leader = following.leader === null ? undefined : heard.get(following.leader);
    const postgres = leader?.report.postgres;
    if (postgres?.kind !== 'standby') return null;
    if (isArchive(following.remote)) return postgres.replayedLsn;
    return postgres.receiver?.latestEndLsn ?? null;
  }
  if (lease.kind === 'NeverGranted') return null;
  const postgres = heard.get(lease.holder)?.report.postgres;
  return postgres?.kind === 'primary' ? postgres.writeLsn : null;
}

function upstreamOf({ postgres }: AgentReport, state: ClusterState): string | null {
  if (postgres.kind !== 'standby' || postgres.receiver === null) return null;
  const { from } = postgres.receiver;
  if (from === null) return null;
  const member = Object.values(state.members).find(
    ({ postgres: at }) => at.host === from.host && at.port === from.port,
  );
  return member?.name ?? formatAddress(from);
}

function textOf(lsn: Lsn | null): string | null {
  return lsn === null ? null : formatLsn(lsn);
}
