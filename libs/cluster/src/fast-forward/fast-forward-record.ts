import type { InstanceName, Lsn, TimelineId } from '#libs/kernel';

export type Position = { readonly timeline: TimelineId; readonly lsn: Lsn };

/** What the saga of a failover remembers of it; once given up, it is not tried again in this attempt. */
export type FastForward = {
  readonly instance: InstanceName;
  readonly from: InstanceName;
  readonly upTo: Position;
  readonly givenUp: boolean;
};
