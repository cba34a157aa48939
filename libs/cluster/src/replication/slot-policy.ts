/** Replication slots of a cluster: which are kept on every instance, which are left alone. */

export type PermanentSlot =
  | { readonly type: 'physical' }
  | { readonly type: 'logical'; readonly database: string; readonly plugin: string };

/** Matches a slot when all that it names is so, as Patroni's `ignore_slots`. */
export type SlotMatcher = {
  readonly name?: string | undefined;
  readonly type?: 'physical' | 'logical' | undefined;
  readonly database?: string | undefined;
  readonly plugin?: string | undefined;
};

export type SlotPolicy = {
  /** By name; they are on the primary and on every instance that may become one. */
  readonly permanent: Readonly<Record<string, PermanentSlot>>;
  /** Never dropped by us, whatever else says so. */
  readonly ignore: readonly SlotMatcher[];
  /** What becomes of an idle slot that nobody asked for: `drop` is what Patroni does. */
  readonly unknown: 'keep' | 'drop';
  /** A member that is not heard for this long has no slot any more; 0 keeps it for ever. */
  readonly memberTtlMs: number;
};

export const DEFAULT_SLOT_POLICY: SlotPolicy = {
  permanent: {},
  ignore: [],
  unknown: 'keep',
  memberTtlMs: 1_800_000,
};

/** One slot as an instance reports it. */
export type SlotReport = {
  readonly name: string;
  readonly type: 'physical' | 'logical';
  readonly active: boolean;
  /** WAL that it keeps from being removed. */
  readonly retainedBytes: bigint | null;
  /** 13 and later: `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus: string | null;
  /** What may be written before it is in danger of being lost; null without `max_slot_wal_keep_size`. */
  readonly safeBytes: bigint | null;
};

/** A slot that held up no WAL any more, or soon will not. */
export type SlotDanger = 'endangered' | 'lost';

/** Less than this part of what a slot may hold is left: time to look. */
const WARNING_PART = 4n;

export function dangerOf(slot: SlotReport): SlotDanger | null {
  if (slot.walStatus === 'lost') return 'lost';
  if (slot.walStatus === 'unreserved') return 'endangered';
  if (slot.safeBytes === null || slot.retainedBytes === null) return null;
  const limit = slot.safeBytes + slot.retainedBytes;
  return slot.safeBytes * WARNING_PART <= limit ? 'endangered' : null;
}
