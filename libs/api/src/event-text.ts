import {
  type ClusterEvent,
  type DivergedWal,
  type Endpoint,
  type FailoverTrigger,
  type FastForwardEvent,
  type GrantReason,
  isFastForwardEvent,
  isRebuildEvent,
  isRemoteEvent,
  isReplicationEvent,
  isRestartEvent,
  type PhaseDurations,
  type RebuildEvent,
  type RecordedEvent,
  type ReleaseReason,
  type RemoteEvent,
  type ReplicationEvent,
  type RestartEvent,
  type RuleRefusal,
  remoteText,
  type SyncSet,
  type SyncSetting,
  type WalPosition,
} from '#libs/cluster';
import { bytesText, formatLsn, unreachable } from '#libs/kernel';
import { fastForwardText } from './fast-forward-text.ts';
import { rebuildText } from './rebuild-text.ts';
import { refusalHelp } from './refusal-help.ts';
import { remoteEventText } from './remote-text.ts';
import { replicationText } from './replication-text.ts';
import { restartText } from './restart-text.ts';

type Of<Type extends ClusterEvent['type']> = Extract<ClusterEvent, { type: Type }>;

/** What happened, in one English sentence without a final stop. */
export function eventText({ cluster, event }: RecordedEvent): string {
  if (isRebuildEvent(event)) return rebuildText(event);
  if (isRestartEvent(event)) return restartText(event);
  if (isRemoteEvent(event)) return remoteEventText(event);
  if (isReplicationEvent(event)) return replicationText(event);
  if (isFastForwardEvent(event)) return fastForwardText(event);
  return clusterText(cluster, event);
}

type OwnEvent = Exclude<
  ClusterEvent,
  RebuildEvent | RemoteEvent | ReplicationEvent | RestartEvent | FastForwardEvent
>;

/** A member says again what it is only when something of it is new. */
function memberText({
  instance,
  postgres,
  changed = [],
}: Extract<ClusterEvent, { type: 'InstanceJoined' }>): string {
  const news = {
    address: `is at ${address(postgres)} now`,
    data: 'has new data',
    tags: 'has other tags',
  };
  if (changed.length === 0) return `${instance} is a member at ${address(postgres)}`;
  return `${instance} ${changed.map((what) => news[what]).join(' and ')}`;
}

function clusterText(cluster: string, event: OwnEvent): string {
  switch (event.type) {
    case 'ClusterCreated':
      return createdText(cluster, event);
    case 'InstanceJoined':
      return memberText(event);
    case 'ConfigurationChanged':
      return `configuration is at revision ${event.revision}${event.comment === null ? '' : `: ${event.comment}`}`;
    case 'InstanceRemoved':
      return `${event.instance} is a member no more`;
    case 'BootstrapStarted':
      return bootstrapText(event);
    case 'BootstrapAbandoned':
      return `${event.instance} could not initialise the cluster: ${event.reason}`;
    case 'ClusterInitialised':
      return `${event.instance} initialised the cluster, system identifier ${event.systemIdentifier}`;
    case 'LeaseGranted':
      return leaseGranted(event);
    case 'LeaseReleased':
      return `lease of epoch ${event.epoch} was given back${endedAt(event.position)}: ${releaseText(event.reason)}`;
    case 'LeaseExpired':
      return `lease of epoch ${event.epoch} expired: no renewal for ${ms(event.silentMs)}, ${ms(event.waitMs)} had to pass`;
    case 'LeaseFenced':
      return `no commit can be acknowledged in epoch ${event.epoch} any more: ${event.members.map(({ instance, position }) => `${instance} is detached at ${walText(position)}`).join(', ')}`;
    case 'SyncSettingOrdered':
      return `order ${event.order} to the primary: commits wait for ${settingText(event.setting)}`;
    case 'SyncSettingConfirmed':
      return `order ${event.order} is in force in all of PostgreSQL since ${formatLsn(event.flushedTo)}`;
    case 'SyncSetCommitted':
      return `a failover may rely on ${setText(event.set)}`;
    case 'FailsafeMembersConfirmed':
      return `the guard of epoch ${event.epoch} asks ${event.members.join(', ')} for promises when no controller answers`;
    case 'Promoted':
      return promoted(event);
    case 'PrimaryResumed':
      return `${event.instance} accepts writes again in epoch ${event.epoch}`;
    case 'FailoverStarted':
      return failoverStarted(event);
    case 'FailoverAborted':
      return `failover was given up: ${event.reason}`;
    case 'FailoverCompleted':
      return `failover to ${event.primary} is complete${took(event.phasesMs)}${lost(event.lostBytes)}`;
    case 'SwitchoverStarted':
      return `switchover from ${event.from} to ${event.to} begins`;
    case 'SwitchoverAbandoned':
      return `switchover was given up: ${event.reason}`;
    case 'SwitchoverCompleted':
      return `switchover to ${event.primary} is complete${took(event.phasesMs)}`;
    case 'PrimaryMeasured':
      return `${event.instance} serves with PostgreSQL ${serverText(event.server)}`;
    case 'DivergedWalKept':
      return `${event.instance} had written alone${takenText(event)}: ${divergedText(event.wal)}`;
    case 'FailoverAcknowledged':
      return `failover ${event.outage} is acknowledged: it holds up no other`;
    case 'ClockJumped':
      return `the leader's wall clock jumped by ${ms(event.jumpMs)}`;
    case 'MaintenanceChanged':
      return maintenanceText(event);
    case 'StandbysFollowed':
      return `${event.standbys.join(', ') || 'no standby'} ${event.standbys.length === 1 ? 'streams' : 'stream'} from ${event.primary}: the cluster is whole`;
    case 'ActionRefused':
      return `${event.action} is refused: ${event.refusals.map(refusalText).join('; ')}`;
    case 'BrakeUsed':
      return `the leader of term ${event.term} doubted itself and handed over before it declared epoch ${event.epoch} expired`;
    case 'ClusterPaused':
      return pausedText(event);
    case 'ClusterResumed':
      return 'automatic decisions are on again';
    default:
      return unreachable(event);
  }
}

function bootstrapText({ initialiser, adopts }: Of<'BootstrapStarted'>): string {
  if (adopts !== true) return `${initialiser} initialises the cluster`;
  return `PostgreSQL of ${initialiser} is taken over: it is restarted once, beneath our guard`;
}

function createdText(cluster: string, { standbyOf }: Of<'ClusterCreated'>): string {
  const copied = standbyOf === undefined ? '' : ` as a standby of ${remoteText(standbyOf)}`;
  return `cluster ${cluster} is defined${copied}`;
}

function pausedText({ restoration }: Of<'ClusterPaused'>): string {
  if (restoration === undefined) return 'automatic decisions are paused';
  const which = `the controllers were restored (incarnation ${restoration.incarnation})`;
  return `${which}: nothing is done before \`matriarch resume\``;
}

function maintenanceText({ instance, on }: Of<'MaintenanceChanged'>): string {
  if (!on) return `${instance} is in maintenance no more`;
  return `${instance} is in maintenance: it is left alone until \`matriarch maintenance off\``;
}

/** Who refused, by which rule, with the value it saw and the limit it holds. */
export function refusalText(refusal: Omit<RuleRefusal, 'instance'> & { instance: string | null }) {
  const { instance, rule, value, limit } = refusal;
  const who = instance === null ? '' : `${instance}: `;
  const asked = limit === '' ? '' : `${/^\d/.test(limit) ? 'limit' : 'wanted:'} ${limit}`;
  const measured = [value, asked].filter((part) => part !== '');
  return `${who}${rule}${measured.length === 0 ? '' : ` (${measured.join(', ')})`}`;
}

/** The same with the way out, for whoever gave an order that was refused. */
export function refusalAdvice(refusal: Parameters<typeof refusalText>[0]): string {
  const help = refusalHelp(refusal.rule);
  return `${refusalText(refusal)}${help === null ? '' : `. What helps: ${help}`}`;
}

/** The phases of an outage in the order in which they were met, and their sum. */
export function phasesText(phasesMs: PhaseDurations): string {
  const phases = Object.entries(phasesMs).map(
    ([name, durationMs]) => `${name} ${Math.round(durationMs)}`,
  );
  return `${ms(totalMs(phasesMs))} (${phases.join(', ')})`;
}

export function totalMs(phasesMs: PhaseDurations): number {
  return Object.values(phasesMs).reduce((sum, durationMs) => sum + durationMs, 0);
}

function leaseGranted(event: Of<'LeaseGranted'>): string {
  const { holder, epoch, timeline, reason, refusals, position } = event;
  const at = position === null ? '' : `, which stands at ${walText(position)}`;
  const others = refusals.length === 0 ? '' : `; not ${refusals.map(refusalText).join('; ')}`;
  const what = `epoch ${epoch} on timeline ${timeline} is granted to ${holder}`;
  return `${what}${at} (${grantText(reason)})${others}`;
}

function promoted({ instance, epoch, timeline, fork }: Of<'Promoted'>): string {
  const what = `${instance} accepts writes in epoch ${epoch} on timeline ${timeline}`;
  if (fork === null) return what;
  return `${what}, which left timeline ${fork.from} at ${formatLsn(fork.lsn)}`;
}

function failoverStarted(event: Of<'FailoverStarted'>): string {
  const { primary, epoch, trigger, lastKnown, candidate, acceptLoss, excluded } = event;
  const doubt = event.detectMs > 0 ? ` ${ms(event.detectMs)} after its last sign of life` : '';
  const seen =
    lastKnown === null ? '' : `; last seen at ${walText(lastKnown)} ${ms(lastKnown.ageMs)} before`;
  const wanted = candidate === null ? '' : `; wanted: ${candidate}`;
  const loss = acceptLoss ? '; loss accepted' : '';
  const not = excluded.length === 0 ? '' : `; not ${excluded.join(', ')}`;
  return `failover from ${primary} of epoch ${epoch} begins${doubt}: ${triggerText(trigger)}${seen}${wanted}${loss}${not}`;
}

/** What was lost with the old primary, and where the WAL that holds it lies. */
export function divergedText(wal: DivergedWal): string {
  const { from, to, committed, aborted, firstCommit, lastCommit, relations, path } = wal;
  const when = firstCommit === null ? '' : ` (${firstCommit} to ${lastCommit})`;
  const shown = relations.slice(0, 5).map(({ name }) => name);
  const more = relations.length - shown.length + wal.moreRelations;
  const touched = shown.length === 0 ? '' : `; touched ${shown.join(', ')}`;
  const others = more === 0 ? '' : ` and ${more} more`;
  const cut = wal.truncated ? ', not all of it' : '';
  return (
    `${committed} committed ${committed === 1 ? 'transaction' : 'transactions'}${when}, ${aborted} aborted, ` +
    `from ${walText(from)} to ${walText(to)}${touched}${others}; kept in ${path}${cut}`
  );
}

function takenText({ taken }: Of<'DivergedWalKept'>): string {
  if (taken === undefined) return '';
  return ` on timeline ${taken}, which nobody was granted (promoted by hand?); that id is not given out any more`;
}

function serverText({ versionNum, settings, collation }: Of<'PrimaryMeasured'>['server']): string {
  const version = `${Math.floor(versionNum / 10_000)}.${versionNum % 10_000}`;
  const values = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const sorted = collation === null ? [] : [`collation version ${collation}`];
  return [version, ...values, ...sorted].join(', ');
}

function settingText({ names, count }: SyncSetting): string {
  if (count === 0) return 'nobody';
  if (names.length === 0) return 'a standby, of which there is none yet';
  return `${count} of ${names.join(', ')}`;
}

function setText(set: SyncSet | null): string {
  if (set === null) return 'nobody: only the primary holds everything';
  const names = set.members.map(({ instance }) => instance).join(', ');
  return `${set.members.length - set.count + 1} of ${names}: one of them has every commit`;
}

/** Why a failover began. */
export function triggerText(trigger: FailoverTrigger): string {
  switch (trigger) {
    case 'primary-unreachable':
      return 'no renewal came, and no standby reaches it';
    case 'lease-expired':
      return 'its lease expired';
    case 'lease-released':
      return 'it gave its lease back';
    case 'postgres-down':
      return 'its PostgreSQL is down and did not come back in place';
    case 'promotion-failed':
      return 'it could not be promoted';
    case 'agent-absent':
      return 'its agent is gone and its guard gives the lease back';
    case 'primary-hung':
      return 'its PostgreSQL hangs: no WAL gets to disk, or nobody can connect';
    case 'operator':
      return 'an operator ordered it';
    default:
      return unreachable(trigger);
  }
}

function grantText(reason: GrantReason): string {
  switch (reason) {
    case 'bootstrap':
      return 'first primary';
    case 'restart':
      return 'restart in place';
    case 'failover':
      return 'failover';
    case 'switchover':
      return 'switchover';
    case 'cluster-promotion':
      return 'the cluster is promoted';
    case 'switchover-abandoned':
      return 'switchover given up, the old primary goes on';
    default:
      return unreachable(reason);
  }
}

function releaseText(reason: ReleaseReason): string {
  switch (reason) {
    case 'hand-over':
      return 'stopped for a switchover';
    case 'postgres-down':
      return 'PostgreSQL is down';
    case 'guard-replaced':
      return 'another guard was started';
    case 'guard-dead':
      return 'its guard died and PostgreSQL with it';
    case 'yielded':
      return 'it was asked to stop';
    case 'shutdown':
      return 'its guard was ended';
    default:
      return unreachable(reason);
  }
}

function endedAt(position: WalPosition | null): string {
  return position === null ? '' : ` at ${walText(position)}`;
}

function walText({ timeline, lsn }: WalPosition): string {
  return `${formatLsn(lsn)} of timeline ${timeline}`;
}

function took(phasesMs: PhaseDurations): string {
  return Object.keys(phasesMs).length === 0 ? '' : ` after ${phasesText(phasesMs)}`;
}

function lost(lostBytes: bigint | null): string {
  if (lostBytes === null) return '; what was lost is not known';
  return lostBytes > 0n
    ? `; ${bytesText(lostBytes)} of WAL known before are lost`
    : '; nothing known was lost';
}

/** Log time has fractions; people need none. */
function ms(durationMs: number): string {
  return `${Math.round(durationMs)} ms`;
}

function address({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
