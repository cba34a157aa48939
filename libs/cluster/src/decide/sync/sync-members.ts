/** Which standbys commits should wait for, from what the primary sees and what they say themselves. */
import type { InstanceName } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import type { PostgresCondition, SynchronousInForce } from '../../report.ts';
import { withDefaults } from '../../settings.ts';
import { inMaintenance, memberNames, type SyncState } from '../../state.ts';
import { lagLimits, lagOf, NEAR_FOR_MS } from '../../sync-set/lag.ts';
import { ALONE, NOBODY, type SyncSetting } from '../../sync-set/quorum.ts';
import { isSynchronous, maySync } from '../../sync-set/standing-setting.ts';
import { freshReport, isSilent, observed, ourData } from '../sight.ts';
import { hasImitated, soleConnection } from './imitation.ts';

type Primary = Extract<PostgresCondition, { kind: 'primary' }>;

/** A standby that is being restarted is soon back: commits do not go on alone for that. */
const ALONE_AFTER_MS = 2_000;

type Eligible = {
  readonly name: string;
  readonly present: number;
  readonly priority: number;
  readonly lagBytes: bigint;
  /** Left the set, or came, with more lag than it may return with, a moment ago. */
  readonly lagged: boolean;
};

/** What the primary's PostgreSQL should be told, or null while too little is known to change it. */
export function wantedSetting(
  input: DecisionInput,
  holder: InstanceName,
  primary: Primary,
  sync: SyncState,
): SyncSetting | null {
  if (!isSynchronous(input.state)) return ALONE;
  const settings = withDefaults(input.state.settings);
  const streaming = memberNames(input.state)
    .filter((name) => name !== holder)
    .flatMap((name) => eligibility(input, name, primary, sync) ?? []);
  const steady = streaming.filter(({ lagged }) => !lagged);
  // Better one that lags now and then than nobody who has what was acknowledged.
  const eligible = steady.length > 0 ? steady : streaming;
  if (eligible.length === 0) return withoutAnybody(input, holder, primary, sync);
  eligible.sort(byPreference);
  const count = Math.min(settings.synchronousNodeCount, eligible.length);
  const names = eligible.map(({ name }) => name);
  return settings.synchronousMode === 'quorum'
    ? { method: 'any', names: names.sort(), count }
    : { method: 'first', names: names.slice(0, count), count };
}

function eligibility(
  input: DecisionInput,
  instance: InstanceName,
  primary: Primary,
  sync: SyncState,
): Eligible | null {
  const member = input.state.members[instance];
  const name = member?.replicationName;
  if (member === undefined || name === undefined || !maySync(member)) return null;
  if (inMaintenance(input.state, instance) || isSilent(input, instance)) return null;
  const present = sync.ordered.names.indexOf(name);
  const report = freshReport(input, instance);
  if (report !== null && (report.replicationName !== name || ourData(input, report) === null)) {
    return null;
  }
  if (report === null && present < 0) return null;
  const connection = soleConnection(member, primary.standbys);
  if (connection === 'foreign') return null;
  const priority = member.tags.syncPriority ?? 1;
  if (connection === null) {
    return present >= 0 && mayBeBack(input, name, primary.synchronous, sync)
      ? { name, present, priority, lagBytes: 0n, lagged: false }
      : null;
  }
  const lagBytes = lagOf(primary.writeLsn, connection.flushLsn);
  const { stays, returns } = lagLimits(input.state);
  if (lagBytes > (present >= 0 ? stays : returns)) return null;
  const laggedMs = observed(input, instance).laggedAgeMs ?? NEAR_FOR_MS;
  return { name, present, priority, lagBytes, lagged: present < 0 && laggedMs < NEAR_FOR_MS };
}

/**
 * Just now gone, and in the set: it gets the time that any instance gets before it is suspected. What a
 * promotion begins with names everybody, present or not: in mode `priority`, where commits wait for one
 * alone, the first who comes is taken then, not one that may be away for long.
 */
function mayBeBack(
  { state }: DecisionInput,
  name: string,
  inForce: SynchronousInForce | undefined,
  { ordered }: SyncState,
): boolean {
  const { synchronousMode } = withDefaults(state.settings);
  if (synchronousMode === 'priority' && ordered.method === 'any') return false;
  const absent = inForce?.absent.find((each) => each.name === name);
  return absent === undefined || absent.forMs <= state.settings.suspectAfterMs;
}

/** The higher priority first; then who is in the set already, in its place; then who lags least. */
function byPreference(a: Eligible, b: Eligible): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.present !== b.present) {
    if (a.present < 0) return 1;
    return b.present < 0 ? -1 : a.present - b.present;
  }
  if (a.lagBytes !== b.lagBytes) return a.lagBytes < b.lagBytes ? -1 : 1;
  return a.name.localeCompare(b.name);
}

/**
 * Strict: commits go on waiting for those of before. Else they go on alone, once nobody is about to come. They
 * wait for nobody that there is while a stranger would let them go on in the place of one of those (safety 14).
 */
function withoutAnybody(
  input: DecisionInput,
  holder: InstanceName,
  primary: Primary,
  { ordered }: SyncState,
): SyncSetting | null {
  const imitated = hasImitated(input.state, primary, ordered.names);
  if (withDefaults(input.state.settings).synchronousStrict) {
    return imitated || ordered.names.length === 0 ? NOBODY : ordered;
  }
  const settled = ordered.count === 0 || input.observations.sinceChangeMs >= ALONE_AFTER_MS;
  if (settled || !somebodyIsComing(input, holder)) return ALONE;
  return imitated ? NOBODY : null;
}

function somebodyIsComing(input: DecisionInput, holder: InstanceName): boolean {
  return memberNames(input.state).some((name) => {
    const member = input.state.members[name];
    if (name === holder || member === undefined || !maySync(member)) return false;
    const kind = freshReport(input, name)?.postgres.kind;
    return kind === 'standby' || kind === 'starting';
  });
}
