import type { ReplicationEvent } from '#libs/cluster';
import { bytesText, unreachable } from '#libs/kernel';

type Of<Type extends ReplicationEvent['type']> = Extract<ReplicationEvent, { type: Type }>;

/** What happened to slots, and to who streams from whom. */
export function replicationText(event: ReplicationEvent): string {
  switch (event.type) {
    case 'SlotWarned':
      return slotText(event);
    case 'MemberSlotReleased':
      return `no WAL is kept for ${event.instance} any more: it was not heard for ${Math.round(event.silentMs / 1_000)} s`;
    case 'MemberSlotRestored':
      return `${event.instance} is heard again: WAL is kept for it`;
    case 'UpstreamReady':
      return `${event.instance} streams: others may stream from it`;
    case 'UpstreamLost':
      return `those that stream from ${event.instance} go to the primary: ${event.reason}`;
    default:
      return unreachable(event);
  }
}

function slotText({ instance, slot, danger, retainedBytes, safeBytes }: Of<'SlotWarned'>): string {
  const kept = retainedBytes === null ? '' : `: it keeps ${bytesText(retainedBytes)}`;
  switch (danger) {
    case null:
      return `slot ${slot} of ${instance} is in no danger any more`;
    case 'lost':
      return `slot ${slot} of ${instance} is lost: WAL that it should have kept is gone (max_slot_wal_keep_size)`;
    case 'endangered':
      return `slot ${slot} of ${instance} will soon be lost${kept}, ${safeBytes === null ? 'nothing' : bytesText(safeBytes)} more may be written (max_slot_wal_keep_size)`;
    default:
      return unreachable(danger);
  }
}
