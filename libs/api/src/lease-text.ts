import type { GrantReason, LeaseEvent, ReleaseReason, WalPosition } from '#libs/cluster';
import { formatLsn, unreachable } from '#libs/kernel';
import { msText, walText } from './measure-text.ts';
import { refusalText } from './refusal-text.ts';

type Of<Type extends LeaseEvent['type']> = Extract<LeaseEvent, { type: Type }>;

/** Who has the right to be primary, who uses it, how it ended. */
export function leaseText(event: LeaseEvent): string {
  switch (event.type) {
    case 'LeaseGranted':
      return leaseGranted(event);
    case 'LeaseReleased':
      return `lease of epoch ${event.epoch} was given back${endedAt(event.position)}: ${releaseText(event.reason)}`;
    case 'LeaseExpired':
      return `lease of epoch ${event.epoch} expired: no renewal for ${msText(event.silentMs)}, ${msText(event.waitMs)} had to pass`;
    case 'LeaseFenced':
      return `no commit can be acknowledged in epoch ${event.epoch} any more: ${event.members.map(({ instance, position }) => `${instance} is detached at ${walText(position)}`).join(', ')}`;
    case 'Promoted':
      return promoted(event);
    case 'PrimaryResumed':
      return `${event.instance} accepts writes again in epoch ${event.epoch}`;
    default:
      return unreachable(event);
  }
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
      return 'it was asked to stop, or has nothing that it could serve';
    case 'shutdown':
      return 'its guard was ended';
    default:
      return unreachable(reason);
  }
}

function endedAt(position: WalPosition | null): string {
  return position === null ? '' : ` at ${walText(position)}`;
}
