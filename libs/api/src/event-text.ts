import {
  type ClusterEvent,
  type FastForwardEvent,
  isFastForwardEvent,
  isLeaseEvent,
  isOutageEvent,
  isRebuildEvent,
  isRemoteEvent,
  isReplicationEvent,
  isRestartEvent,
  type LeaseEvent,
  type OutageEvent,
  type RebuildEvent,
  type RecordedEvent,
  type RemoteEvent,
  type ReplicationEvent,
  type RestartEvent,
  remoteText,
  type SyncSet,
  type SyncSetting,
} from '#libs/cluster';
import { formatAddress, formatLsn, unreachable } from '#libs/kernel';
import { fastForwardText } from './fast-forward-text.ts';
import { leaseText } from './lease-text.ts';
import { msText } from './measure-text.ts';
import { outageText } from './outage-text.ts';
import { rebuildText } from './rebuild-text.ts';
import { refusalText } from './refusal-text.ts';
import { remoteEventText } from './remote-text.ts';
import { replicationText } from './replication-text.ts';
import { restartText } from './restart-text.ts';

type Of<Type extends ClusterEvent['type']> = Extract<ClusterEvent, { type: Type }>;

/** What happened, in one English sentence without a final stop. */
export function eventText({ cluster, event }: RecordedEvent): string {
  return eventSentence(cluster, event);
}

/** The same of one that is not recorded yet. */
export function eventSentence(cluster: RecordedEvent['cluster'], event: ClusterEvent): string {
  if (isRebuildEvent(event)) return rebuildText(event);
  if (isRestartEvent(event)) return restartText(event);
  if (isRemoteEvent(event)) return remoteEventText(event);
  if (isReplicationEvent(event)) return replicationText(event);
  if (isFastForwardEvent(event)) return fastForwardText(event);
  if (isLeaseEvent(event)) return leaseText(event);
  if (isOutageEvent(event)) return outageText(event);
  return clusterText(cluster, event);
}

type OwnEvent = Exclude<
  ClusterEvent,
  | RebuildEvent
  | RemoteEvent
  | ReplicationEvent
  | RestartEvent
  | FastForwardEvent
  | LeaseEvent
  | OutageEvent
>;

/** A member says again what it is only when something of it is new. */
function memberText({
  instance,
  postgres,
  changed = [],
}: Extract<ClusterEvent, { type: 'InstanceJoined' }>): string {
  const news = {
    address: `is at ${formatAddress(postgres)} now`,
    data: 'has new data',
    tags: 'has other tags',
  };
  if (changed.length === 0) return `${instance} is a member at ${formatAddress(postgres)}`;
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
    case 'SyncSettingOrdered':
      return `order ${event.order} to the primary: commits wait for ${settingText(event.setting)}`;
    case 'SyncSettingConfirmed':
      return `order ${event.order} is in force in all of PostgreSQL since ${formatLsn(event.flushedTo)}`;
    case 'SyncSetCommitted':
      return `a failover may rely on ${setText(event.set)}`;
    case 'FailsafeMembersConfirmed':
      return `the guard of epoch ${event.epoch} asks ${event.members.join(', ')} for promises when no controller answers`;
    case 'ClockJumped':
      return `the leader's wall clock jumped by ${msText(event.jumpMs)}`;
    case 'MaintenanceChanged':
      return maintenanceText(event);
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
