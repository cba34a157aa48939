import type { DivergedWal, FailoverTrigger, OutageEvent, PhaseDurations } from '#libs/cluster';
import { bytesText, unreachable } from '#libs/kernel';
import { msText, walText } from './measure-text.ts';

type Of<Type extends OutageEvent['type']> = Extract<OutageEvent, { type: Type }>;

/** How one primary follows another, and what that took and cost. */
export function outageText(event: OutageEvent): string {
  switch (event.type) {
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
    case 'StandbysFollowed':
      return `${event.standbys.join(', ') || 'no standby'} ${event.standbys.length === 1 ? 'streams' : 'stream'} from ${event.primary}: the cluster is whole`;
    case 'DivergedWalKept':
      return `${event.instance} had written alone${takenText(event)}: ${divergedText(event.wal)}`;
    case 'FailoverAcknowledged':
      return `failover ${event.outage} is acknowledged: it holds up no other`;
    default:
      return unreachable(event);
  }
}

function failoverStarted(event: Of<'FailoverStarted'>): string {
  const { primary, epoch, trigger, lastKnown, candidate, acceptLoss, copyAside, excluded } = event;
  const ended = trigger === 'postgres-down' || trigger === 'lease-released';
  const since = ended ? 'after it ended' : 'after its last sign of life';
  const doubt = event.detectMs > 0 ? ` ${msText(event.detectMs)} ${since}` : '';
  const seen =
    lastKnown === null
      ? ''
      : `; last seen at ${walText(lastKnown)} ${msText(lastKnown.ageMs)} before`;
  const back = copyAside === true ? ' with the copy that lies aside there' : '';
  const wanted = candidate === null ? '' : `; wanted: ${candidate}${back}`;
  const loss = acceptLoss ? '; loss accepted' : '';
  const not = excluded.length === 0 ? '' : `; not ${excluded.join(', ')}`;
  return `failover from ${primary} of epoch ${epoch} begins${doubt}: ${triggerText(trigger)}${seen}${wanted}${loss}${not}`;
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

/** The phases of an outage in the order in which they were met, and their sum. */
export function phasesText(phasesMs: PhaseDurations): string {
  const phases = Object.entries(phasesMs).map(
    ([name, durationMs]) => `${name} ${Math.round(durationMs)}`,
  );
  return `${msText(totalMs(phasesMs))} (${phases.join(', ')})`;
}

export function totalMs(phasesMs: PhaseDurations): number {
  return Object.values(phasesMs).reduce((sum, durationMs) => sum + durationMs, 0);
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
      return 'its PostgreSQL is down';
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

function takenText({ taken }: Of<'DivergedWalKept'>): string {
  if (taken === undefined) return '';
  return ` on timeline ${taken}, which nobody was granted (promoted by hand?); that id is not given out any more`;
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

function serverText({ versionNum, settings, collation }: Of<'PrimaryMeasured'>['server']): string {
  const version = `${Math.floor(versionNum / 10_000)}.${versionNum % 10_000}`;
  const values = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const sorted = collation === null ? [] : [`collation version ${collation}`];
  return [version, ...values, ...sorted].join(', ');
}
