import type { ClusterName, Epoch, InstanceName, Lsn, TimelineId } from '#libs/kernel';
import type { Remote } from './remote.ts';

type Position = { readonly timeline: TimelineId; readonly lsn: Lsn };

/** What happens to a cluster as one of a pair of which only one writes. */
export type RemoteEvent =
  /** It follows the remote, and the others stream from it. No right to write goes with it. */
  | {
      readonly type: 'StandbyLeaderChosen';
      readonly instance: InstanceName;
      readonly reason: string;
      readonly position: Position | null;
    }
  /** Timelines of the remote that were not known here, as the standby leader has them. */
  | {
      readonly type: 'RemoteTimelinesFollowed';
      readonly instance: InstanceName;
      readonly timelines: readonly {
        readonly timeline: TimelineId;
        readonly fork: { readonly from: TimelineId; readonly lsn: Lsn } | null;
      }[];
      /** The one that is written there now; absent: the last of `timelines`. */
      readonly timeline?: TimelineId;
    }
  /** An operator orders it; the standby leader asks there first, and follows whom it follows until then. */
  | {
      readonly type: 'RemoteChangeAsked';
      readonly instance: InstanceName;
      readonly remote: Remote;
    }
  | { readonly type: 'RemoteChangeRefused'; readonly reason: string }
  | { readonly type: 'RemoteChanged'; readonly remote: Remote }
  /** An operator gives the writing to another cluster: the primary stops and gives its epoch back. */
  | {
      readonly type: 'ClusterDemotionStarted';
      readonly epoch: Epoch;
      readonly primary: InstanceName;
      readonly remote: Remote;
      /** An operator's word: also when the remote does not answer. Absent: the primary asks it before it stops. */
      readonly acceptUnknown?: true;
    }
  | { readonly type: 'ClusterDemotionAbandoned'; readonly reason: string }
  /** Nobody here is granted an epoch from now on, until `ClusterPromoted`. */
  | {
      readonly type: 'ClusterDemoted';
      readonly remote: Remote;
      /** End of the WAL that was written here; null when there was no primary to tell it. */
      readonly stoppedAt: Position | null;
    }
  /** The cluster is on its own again; the grant to its standby leader is in the same batch. */
  | {
      readonly type: 'ClusterPromoted';
      readonly instance: InstanceName;
      readonly received: Position;
      /** Clusters of the same data that these controllers keep: at apply none of them may write. */
      readonly others: readonly ClusterName[];
      /** Where the last writer stopped, all of which is here; null when nobody could tell. */
      readonly lastWritten: Position | null;
      /** An operator's word: the remote may still write, or has more than was received. */
      readonly acceptUnknown: boolean;
    };

const TYPES: Readonly<Record<RemoteEvent['type'], true>> = {
  StandbyLeaderChosen: true,
  RemoteTimelinesFollowed: true,
  RemoteChangeAsked: true,
  RemoteChangeRefused: true,
  RemoteChanged: true,
  ClusterDemotionStarted: true,
  ClusterDemotionAbandoned: true,
  ClusterDemoted: true,
  ClusterPromoted: true,
};

export function isRemoteEvent(event: { readonly type: string }): event is RemoteEvent {
  return Object.hasOwn(TYPES, event.type);
}
