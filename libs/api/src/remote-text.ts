import {
  isArchive,
  type Remote,
  type RemoteEvent,
  remoteText,
  type WalPosition,
} from '#libs/cluster';
import { formatLsn, unreachable } from '#libs/kernel';
import { walText } from './measure-text.ts';

type Of<Type extends RemoteEvent['type']> = Extract<RemoteEvent, { type: Type }>;

/** What happened to a cluster as one of a pair of which only one writes. */
export function remoteEventText(event: RemoteEvent): string {
  switch (event.type) {
    case 'StandbyLeaderChosen': {
      const { instance, position, reason } = event;
      const at = position === null || position.lsn === 0n ? '' : ` at ${walText(position)}`;
      return `${instance}${at} follows the remote, the others stream from it: ${reason}`;
    }
    case 'RemoteTimelinesFollowed': {
      const timeline = event.timeline ?? event.timelines.at(-1)?.timeline;
      return `${event.instance} is on timeline ${timeline} of the remote`;
    }
    case 'RemoteChangeAsked':
      return `${event.instance} asks whether it can follow ${remoteText(event.remote)}`;
    case 'RemoteChangeRefused':
      return `the cluster follows whom it followed: ${event.reason}`;
    case 'RemoteChanged':
      return `the cluster follows ${remoteText(event.remote)}`;
    case 'ClusterDemotionStarted':
      return `${event.primary} stops writing in epoch ${event.epoch}, so that ${writerText(event.remote)} may`;
    case 'ClusterDemotionAbandoned':
      return `the demotion of the cluster was given up: ${event.reason}`;
    case 'ClusterDemoted': {
      const { remote, stoppedAt } = event;
      const end =
        stoppedAt === null
          ? 'where its writing ended is not known'
          : `the last it wrote is ${positionToken(stoppedAt)}`;
      return `nobody of the cluster may write any more, it follows ${remoteText(remote)}; ${end}`;
    }
    case 'ClusterPromoted':
      return promotedText(event);
    default:
      return unreachable(event);
  }
}

function writerText(remote: Remote): string {
  return isArchive(remote) ? `a cluster that shares ${remoteText(remote)}` : remoteText(remote);
}

function promotedText({ instance, received, lastWritten, acceptUnknown }: Of<'ClusterPromoted'>) {
  const what = `the cluster follows nobody any more: ${instance} at ${walText(received)} is to write`;
  if (acceptUnknown) return `${what}; an operator answers for the other cluster`;
  return lastWritten === null
    ? what
    : `${what}, with all up to ${positionToken(lastWritten)}, where the other cluster ended`;
}

/** As `promote-cluster --last-written` takes it. */
export function positionToken({ timeline, lsn }: WalPosition): string {
  return `${formatLsn(lsn)}@${timeline}`;
}
