import type { InstanceName } from '#libs/kernel';
import type { SlotDanger } from './slot-policy.ts';

/** What happens to slots, and to who streams from whom. */
export type ReplicationEvent =
  /** The primary's slot `slot` keeps WAL that it soon may not keep any more, has lost it, or is well again. */
  | {
      readonly type: 'SlotWarned';
      readonly instance: InstanceName;
      readonly slot: string;
      readonly danger: SlotDanger | null;
      readonly retainedBytes: bigint | null;
      readonly safeBytes: bigint | null;
    }
  /** Not heard for longer than `memberTtlMs`: no instance keeps WAL for it any more. */
  | {
      readonly type: 'MemberSlotReleased';
      readonly instance: InstanceName;
      readonly silentMs: number;
    }
  /** It is heard again, and has its slot. */
  | { readonly type: 'MemberSlotRestored'; readonly instance: InstanceName }
  /** Streams from the present primary: those whose tag names it may stream from it. */
  | { readonly type: 'UpstreamReady'; readonly instance: InstanceName }
  /** Those that stream from it go to the primary until it is ready again. */
  | { readonly type: 'UpstreamLost'; readonly instance: InstanceName; readonly reason: string };

const TYPES: Readonly<Record<ReplicationEvent['type'], true>> = {
  SlotWarned: true,
  MemberSlotReleased: true,
  MemberSlotRestored: true,
  UpstreamReady: true,
  UpstreamLost: true,
};

export function isReplicationEvent(event: { readonly type: string }): event is ReplicationEvent {
  return Object.hasOwn(TYPES, event.type);
}
