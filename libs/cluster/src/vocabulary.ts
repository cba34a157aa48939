import { BACKUP_POLICY_LEVEL } from './configuration.ts';
import { TAKEN_TIMELINE_LEVEL } from './diverged-wal.ts';
import type { ClusterEvent } from './events.ts';
import { COPY_ASIDE_LEVEL } from './outage-events.ts';
import { REBUILD_WITHDRAWN_LEVEL } from './rebuild/rebuild-events.ts';
import { isArchive, type Remote } from './remote/remote.ts';
import { hasOwnPorts } from './remote/remote-primary.ts';

/**
 * Since which level of the protocol each event, each of its fields and each value that is folded in its own way may be
 * recorded. The group switches to a level once every controller speaks it (`ProtocolSwitch`); until then a leader that
 * knows more holds it back, for controllers of before would fold another state. What comes new gets the next level here
 * and in `libs/protocol/src/hello.ts`: the compiler asks for whatever is missing. Within a field (settings, policies) a
 * missing part must mean the old behaviour, and a new one may only be recorded by what is listed here.
 */
type EventType = ClusterEvent['type'];
type EventOf<T extends EventType> = Extract<ClusterEvent, { type: T }>;
type FieldOf<T extends EventType> = Exclude<keyof EventOf<T>, 'type'>;
type Values<T extends EventType, F extends FieldOf<T>> = Readonly<
  Record<Extract<EventOf<T>[F], string>, number>
>;

type Vocabulary = {
  readonly [T in EventType]: { readonly since: number } & Readonly<Record<FieldOf<T>, number>>;
};

/** What the first release knew. A field that came later is named beside it, with its level. */
function first<K extends string>(...fields: readonly K[]): { since: number } & Record<K, number> {
  return {
    since: 1,
    ...(Object.fromEntries(fields.map((field) => [field, 1])) as Record<K, number>),
  };
}

const VOCABULARY: Vocabulary = {
  RebuildStarted: first('instance', 'trigger', 'reason', 'methods', 'from', 'force'),
  RebuildProgress: first('instance', 'method', 'doneBytes', 'totalBytes'),
  RebuildMethodFailed: first('instance', 'method', 'reason', 'remaining'),
  RebuildCompleted: first('instance', 'method', 'tookMs', 'copiedBytes'),
  RebuildCancelled: first('instance'),
  RebuildWithdrawn: {
    since: REBUILD_WITHDRAWN_LEVEL,
    ...{ instance: REBUILD_WITHDRAWN_LEVEL, reason: REBUILD_WITHDRAWN_LEVEL },
  },
  StandbyLeaderChosen: first('instance', 'reason', 'position'),
  RemoteTimelinesFollowed: first('instance', 'timelines', 'timeline'),
  RemoteChangeAsked: { since: 8, instance: 8, remote: 8 },
  RemoteChangeRefused: { since: 8, reason: 8 },
  RemoteChanged: first('remote'),
  ClusterDemotionStarted: { ...first('epoch', 'primary', 'remote'), acceptUnknown: 6 },
  ClusterDemotionAbandoned: first('reason'),
  ClusterDemoted: first('remote', 'stoppedAt'),
  ClusterPromoted: first('instance', 'received', 'others', 'lastWritten', 'acceptUnknown'),
  SlotWarned: first('instance', 'slot', 'danger', 'retainedBytes', 'safeBytes'),
  MemberSlotReleased: first('instance', 'silentMs'),
  MemberSlotRestored: first('instance'),
  UpstreamReady: first('instance'),
  UpstreamLost: first('instance', 'reason'),
  RestartPlanned: first('instances', 'rolling', 'onlyPending', 'notBefore', 'startedAt'),
  RestartOrdered: first('instance', 'startedAt', 'asPrimary'),
  RestartSkipped: first('instance', 'reason'),
  RestartDone: first('instance', 'tookMs'),
  RestartEnded: first('outcome', 'reason'),
  ClusterCreated: first('settings', 'postgres', 'standbyOf'),
  InstanceJoined: first('instance', 'postgres', 'agent', 'tags', 'replicationName', 'changed'),
  ConfigurationChanged: {
    ...first('revision', 'configuration', 'comment'),
    backup: BACKUP_POLICY_LEVEL,
  },
  InstanceRemoved: first('instance'),
  BootstrapStarted: first('initialiser', 'adopts'),
  BootstrapAbandoned: first('instance', 'reason'),
  ClusterInitialised: first('instance', 'systemIdentifier'),
  LeaseGranted: first(
    'epoch',
    'holder',
    'guard',
    'timeline',
    'reason',
    'refusals',
    'position',
    'timing',
    'synchronous',
  ),
  LeaseReleased: first('epoch', 'guard', 'reason', 'position'),
  LeaseExpired: first('epoch', 'silentMs', 'waitMs'),
  LeaseFenced: first('epoch', 'members'),
  SyncSettingOrdered: first('epoch', 'order', 'setting'),
  SyncSettingConfirmed: first('epoch', 'order', 'flushedTo'),
  SyncSetCommitted: first('epoch', 'set', 'positions'),
  FailsafeMembersConfirmed: first('epoch', 'members'),
  Promoted: first('epoch', 'instance', 'timeline', 'fork'),
  PrimaryResumed: first('epoch', 'instance'),
  FailoverStarted: {
    ...first('epoch', 'primary', 'trigger', 'lastKnown', 'candidate', 'acceptLoss', 'excluded'),
    ...first('detectMs'),
    copyAside: COPY_ASIDE_LEVEL,
  },
  FailoverAborted: first('reason'),
  FailoverCompleted: first('primary', 'phasesMs', 'lostBytes'),
  FastForwardStarted: { since: 3, instance: 3, from: 3, upTo: 3, missingBytes: 3, timing: 3 },
  FastForwardGivenUp: { since: 3, instance: 3, reason: 3 },
  SwitchoverStarted: first('epoch', 'from', 'to'),
  SwitchoverAbandoned: first('reason'),
  SwitchoverCompleted: first('primary', 'phasesMs'),
  PrimaryMeasured: first('instance', 'server'),
  StandbysFollowed: first('primary', 'standbys'),
  DivergedWalKept: { ...first('instance', 'wal'), taken: TAKEN_TIMELINE_LEVEL },
  FailoverAcknowledged: first('outage'),
  ClockJumped: first('jumpMs'),
  MaintenanceChanged: first('instance', 'on'),
  ActionRefused: first('action', 'refusals'),
  BrakeUsed: first('epoch', 'term'),
  ClusterPaused: first('restoration'),
  ClusterResumed: first('adopted'),
};

const TRIGGERS: Values<'FailoverStarted', 'trigger'> = {
  ...{ operator: 1, 'postgres-down': 1, 'primary-unreachable': 1, 'lease-expired': 1 },
  ...{ 'lease-released': 1, 'promotion-failed': 1, 'agent-absent': 1, 'primary-hung': 1 },
};
const GRANTS: Values<'LeaseGranted', 'reason'> = {
  ...{ bootstrap: 1, restart: 1, failover: 1, switchover: 1, 'switchover-abandoned': 1 },
  'cluster-promotion': 1,
};
const RELEASES: Values<'LeaseReleased', 'reason'> = {
  ...{ 'hand-over': 1, 'postgres-down': 1, 'guard-replaced': 1, 'guard-dead': 1 },
  ...{ yielded: 1, shutdown: 1 },
};
const RESTART_ENDS: Values<'RestartEnded', 'outcome'> = { completed: 1, cancelled: 1, failed: 1 };
const REBUILD_TRIGGERS: Values<'RebuildStarted', 'trigger'> = { operator: 1, automatic: 1 };

/** Forms within a field that members of before would read, or act on, in another way. */
const FORMS: readonly {
  readonly what: string;
  readonly since: number;
  readonly isIn: (event: ClusterEvent) => boolean;
}[] = [
  { what: 'a port for each host of the remote', since: 4, isIn: namesOwnPorts },
  { what: 'an archive in the place of a remote primary', since: 5, isIn: followsAnArchive },
  { what: 'access lines of a role or an instance', since: 4, isIn: overridesAccess },
];

function overridesAccess(event: ClusterEvent): boolean {
  if (event.type === 'ClusterCreated') return event.postgres.accessOverrides !== undefined;
  if (event.type !== 'ConfigurationChanged') return false;
  return event.configuration.accessOverrides !== undefined;
}

function namesOwnPorts(event: ClusterEvent): boolean {
  const remote = remoteIn(event);
  return remote !== undefined && !isArchive(remote) && hasOwnPorts(remote);
}

function followsAnArchive(event: ClusterEvent): boolean {
  const remote = remoteIn(event);
  return remote !== undefined && isArchive(remote);
}

function remoteIn(event: ClusterEvent): Remote | undefined {
  if (event.type === 'ClusterCreated') return event.standbyOf;
  return 'remote' in event ? event.remote : undefined;
}

type Levels = Readonly<Record<string, number>>;
/** Fields whose values are words. */
const VALUES: { readonly [T in EventType]?: { readonly [F in FieldOf<T>]?: Levels } } = {
  FailoverStarted: { trigger: TRIGGERS },
  LeaseGranted: { reason: GRANTS },
  LeaseReleased: { reason: RELEASES },
  RestartEnded: { outcome: RESTART_ENDS },
  RebuildStarted: { trigger: REBUILD_TRIGGERS },
};

export type VocabularyProblem =
  /** A newer version than this one recorded it, or this one has a defect. */
  | { readonly kind: 'unknown'; readonly what: string }
  /** This version knows it, the group has not switched it on. */
  | { readonly kind: 'early'; readonly what: string; readonly level: number };

/** What of this event a group at `level` may not record; null when all members fold it alike. */
export function vocabularyProblem(event: ClusterEvent, level: number): VocabularyProblem | null {
  const problem = problemIn(VOCABULARY, VALUES, event, level);
  if (problem !== null) return problem;
  const form = FORMS.find(({ since, isIn }) => since > level && isIn(event));
  if (form === undefined) return null;
  return { kind: 'early', what: `${form.what} in event '${event.type}'`, level: form.since };
}

/** The first problem of a batch, as a sentence; null when it may be proposed. */
export function heldBackFor(events: readonly ClusterEvent[], level: number): string | null {
  for (const event of events) {
    const problem = vocabularyProblem(event, level);
    if (problem?.kind === 'unknown') return `${problem.what} is in no vocabulary`;
    if (problem?.kind === 'early') {
      return (
        `${problem.what} needs protocol level ${problem.level}, the group is at ${level}: it is held back ` +
        'until every controller runs a version that knows it; upgrade or remove those that do not'
      );
    }
  }
  return null;
}

/** With any tables, so that tests can let a version come that is not there yet. */
export function problemIn(
  vocabulary: Readonly<Record<string, Levels>>,
  values: Readonly<Record<string, Readonly<Record<string, Levels>> | undefined>>,
  event: { readonly type: string },
  level: number,
): VocabularyProblem | null {
  const { type } = event;
  const known = Object.hasOwn(vocabulary, type) ? vocabulary[type] : undefined;
  if (known === undefined) return { kind: 'unknown', what: `event '${type}'` };
  let early: VocabularyProblem | null = null;
  const require = (since: number | undefined, what: string): VocabularyProblem | null => {
    if (since === undefined) return { kind: 'unknown', what };
    if (since > level) early ??= { kind: 'early', what, level: since };
    return null;
  };
  const unknown = require(known['since'], `event '${type}'`);
  if (unknown !== null) return unknown;
  for (const [field, value] of Object.entries(event)) {
    if (field === 'type' || value === undefined) continue;
    const since = Object.hasOwn(known, field) ? known[field] : undefined;
    const levels = values[type]?.[field];
    const strange =
      require(since, `'${field}' of event '${type}'`) ??
      (levels === undefined || typeof value !== 'string'
        ? null
        : require(Object.hasOwn(levels, value)
            ? levels[value]
            : undefined, `'${field}: ${value}' of event '${type}'`));
    if (strange !== null) return strange;
  }
  return early;
}

/** The highest level that anything in the vocabulary asks for. */
export function highestVocabularyLevel(): number {
  const fields = Object.values<Levels>(VOCABULARY).flatMap((levels) => Object.values(levels));
  const words = Object.values(VALUES).flatMap((of) => Object.values<Levels>(of ?? {}));
  const forms = FORMS.map(({ since }) => since);
  return Math.max(...fields, ...forms, ...words.flatMap((levels) => Object.values(levels)));
}
