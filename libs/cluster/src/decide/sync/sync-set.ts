import type { Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import type { PostgresCondition } from '../../report.ts';
import type { ClusterState, SyncState } from '../../state.ts';
import { namesInDoubt, quorumOf } from '../../sync-set/admit-sync.ts';
import { evolveSync, type SyncEvent } from '../../sync-set/evolve-sync.ts';
import { nextMove } from '../../sync-set/next-move.ts';
import { type Quorum, sameSetting } from '../../sync-set/quorum.ts';
import type { SyncSet } from '../../sync-set/sync-events.ts';
import { serves } from '../failover/holder.ts';
import { freshReport, hasHeardEnough } from '../sight.ts';
import { hasImitated } from './imitation.ts';
import { wantedSetting } from './sync-members.ts';

type Primary = Extract<PostgresCondition, { kind: 'primary' }>;

/** Moves that need nothing but the log are taken together. */
const MOVES_AT_ONCE = 4;

/**
 * Keeps what commits wait for, and what a failover may rely on, up with the standbys that are there.
 * Also in pause: nothing here moves the primary, and a lost standby must not hold up commits.
 */
export function keepSyncSet(input: DecisionInput): Decision | null {
  const { state } = input;
  const { lease, operation, sync } = state;
  if (sync === undefined || lease.kind !== 'Held' || !lease.serving) return null;
  if (operation.kind !== 'none' || sync.epoch !== lease.epoch) return null;
  if (state.restored?.confirmed === false || !hasHeardEnough(input)) return null;
  const report = freshReport(input, lease.holder);
  if (report === null || report.postgres.kind !== 'primary' || !serves(report, lease)) return null;
  const events = [...confirmation(sync, report.postgres)];
  const confirmed = events.reduce(evolveSync, sync);
  const wanted = wantedSetting(input, lease.holder, report.postgres, confirmed);
  if (isImitated(state, confirmed, report.postgres)) {
    events.push(...lettingGo(state, confirmed, wanted, report.postgres));
  } else if (confirmed.confirmedAt !== null && wanted !== null) {
    events.push(...moves(state, confirmed, wanted, report.postgres));
  }
  return events.length === 0 ? null : { rule: 'keep-sync-set', events };
}

/** All of PostgreSQL runs what was ordered last. */
function* confirmation(sync: SyncState, { synchronous }: Primary): Generator<SyncEvent> {
  const { epoch, order, confirmedAt } = sync;
  if (confirmedAt !== null || synchronous?.proved !== true || synchronous.order !== order) return;
  const { flushedTo } = synchronous;
  if (flushedTo !== null) yield { type: 'SyncSettingConfirmed', epoch, order, flushedTo };
}

/** Somebody in a member's place may let commits go on, or a failover would rely on that member. */
function isImitated(state: ClusterState, sync: SyncState, primary: Primary): boolean {
  const relied = quorumOf(sync.committed)?.names ?? [];
  return hasImitated(state, primary, [...relied, ...namesInDoubt({ sync })]);
}

/**
 * Two walsenders of one name are two of those that a commit waits for, so no set covers what is acknowledged:
 * nobody is relied on before PostgreSQL waits for others, or for nobody that there is. Any order is safe then,
 * and one that rids it of the name waits for no proof of an older one.
 */
function* lettingGo(
  state: ClusterState,
  { epoch, order, committed, ordered, confirmedAt }: SyncState,
  wanted: SyncState['ordered'] | null,
  primary: Primary,
): Generator<SyncEvent> {
  if (committed !== null) yield { type: 'SyncSetCommitted', epoch, set: null, positions: [] };
  if (wanted === null || sameSetting(ordered, wanted)) return;
  if (confirmedAt !== null || hasImitated(state, primary, ordered.names)) {
    yield { type: 'SyncSettingOrdered', epoch, order: order + 1, setting: wanted };
  }
}

function* moves(
  state: ClusterState,
  from: SyncState,
  wanted: SyncState['ordered'],
  primary: Primary,
): Generator<SyncEvent> {
  const { epoch } = from;
  let sync = from;
  for (let taken = 0; taken < MOVES_AT_ONCE; taken += 1) {
    const standing = { committed: quorumOf(sync.committed), ordered: sync.ordered };
    const move = nextMove(standing, wanted);
    if (move === null) return;
    if (move.kind === 'order') {
      const order = sync.order + 1;
      yield { type: 'SyncSettingOrdered', epoch, order, setting: move.setting };
      return;
    }
    const event = commitment(state, sync, move.set, primary);
    if (event === null || (move.caughtUp && !haveCaughtUp(event, sync))) return;
    yield event;
    sync = evolveSync(sync, event);
  }
}

type Commitment = Extract<ClusterEvent, { type: 'SyncSetCommitted' }>;

/** Null when a name is nobody's any more: its data was made anew meanwhile. */
function commitment(
  { members }: ClusterState,
  { epoch, committed }: SyncState,
  quorum: Quorum | null,
  { standbys }: Primary,
): Commitment | null {
  if (quorum === null) return { type: 'SyncSetCommitted', epoch, set: null, positions: [] };
  const known = [
    ...Object.values(members).map(({ name, replicationName }) => ({
      instance: name,
      name: replicationName,
    })),
    ...(committed?.members ?? []),
  ];
  const named: SyncSet['members'][number][] = [];
  for (const name of quorum.names) {
    const instance = known.find((each) => each.name === name)?.instance;
    if (instance === undefined) return null;
    named.push({ instance, name });
  }
  const positions = named.flatMap(({ instance, name }) => {
    const lsn = standbys.find(({ applicationName }) => applicationName === name)?.flushLsn;
    return lsn === null || lsn === undefined ? [] : [{ instance, lsn }];
  });
  return {
    type: 'SyncSetCommitted',
    epoch,
    set: { members: named, count: quorum.count },
    positions,
  };
}

/**
 * Each member has flushed what the primary had flushed after nothing older was running any more: then
 * it has every commit that was acknowledged under any setting of before (safety 2).
 */
function haveCaughtUp({ set, positions }: Commitment, { confirmedAt }: SyncState): boolean {
  if (set === null) return true;
  if (confirmedAt === null || positions.length < set.members.length) return false;
  return positions.every(({ lsn }) => lsn >= confirmedAt);
}
