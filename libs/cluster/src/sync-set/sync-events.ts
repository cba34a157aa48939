import type { Epoch, InstanceName, Lsn } from '#libs/kernel';
import type { SyncSetting } from './quorum.ts';

/** A standby that commits wait for, and the name by which PostgreSQL counts it (safety 14). */
export type SyncMember = { readonly instance: InstanceName; readonly name: string };

/** What a failover may rely on: of any `members.length - count + 1` one has every commit. */
export type SyncSet = { readonly members: readonly SyncMember[]; readonly count: number };

/** What commits wait for, and what a failover may rely on. */
export type SyncEvent =
  /** The primary's PostgreSQL is told what to wait for; orders are numbered within the cluster. */
  | {
      readonly type: 'SyncSettingOrdered';
      readonly epoch: Epoch;
      readonly order: number;
      readonly setting: SyncSetting;
    }
  /** No process of it runs an older setting. What was acknowledged until then lies before `flushedTo`. */
  | {
      readonly type: 'SyncSettingConfirmed';
      readonly epoch: Epoch;
      readonly order: number;
      readonly flushedTo: Lsn;
    }
  /** What a failover may rely on from now on; null: only the primary itself holds everything. */
  | {
      readonly type: 'SyncSetCommitted';
      readonly epoch: Epoch;
      readonly set: SyncSet | null;
      /** How far its members had flushed. */
      readonly positions: readonly { readonly instance: InstanceName; readonly lsn: Lsn }[];
    };
