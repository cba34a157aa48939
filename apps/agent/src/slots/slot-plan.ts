import type { SlotMatcher, SlotPolicy } from '#libs/cluster';
import type { Lsn } from '#libs/kernel';
import type { ReplicationSlot } from '#libs/postgres-run';
import type { WantedSlot, WantedSlots } from './wanted-slots.ts';

export type SlotAct =
  | { readonly kind: 'createPhysical'; readonly name: string }
  | {
      readonly kind: 'createLogical';
      readonly name: string;
      readonly database: string;
      readonly plugin: string;
    }
  | { readonly kind: 'drop'; readonly name: string; readonly why: string }
  /** `database`: of a logical slot, which moves from within it only. */
  | {
      readonly kind: 'advance';
      readonly name: string;
      readonly database: string | null;
      readonly to: Lsn;
    }
  /** From the primary's files; the standby takes it at its next start. */
  | { readonly kind: 'copyLogical'; readonly name: string };

export type SlotSituation = WantedSlots & {
  readonly role: 'primary' | 'standby';
  readonly major: number;
  readonly policy: SlotPolicy;
  readonly present: readonly ReplicationSlot[];
  /**
   * Slots on the server that says how far: of the primary, or of the standby that a cascaded member
   * streams from. Null while it was not asked: nothing is concluded from that.
   */
  readonly elsewhere: ReadonlyMap<string, ReplicationSlot> | null;
  /** Of a standby; a slot cannot be ahead of it. */
  readonly replayedLsn: Lsn | null;
  /** Name of the primary's own slot, which the primary itself has not. */
  readonly primarySlot: string | null;
};

/** 17 and later: the servers keep logical slots on standbys by themselves. */
export const NATIVE_FAILOVER_SLOTS = 17;

/** What brings this instance's slots to what they should be. Pure. */
export function slotActs(situation: SlotSituation): SlotAct[] {
  const { wanted, present } = situation;
  const acts: SlotAct[] = [];
  for (const [name, want] of wanted) {
    const slot = present.find((each) => each.name === name);
    const act =
      want.type === 'physical'
        ? physicalAct(situation, name, slot)
        : logicalAct(situation, name, want, slot);
    if (act !== null) acts.push(act);
  }
  for (const slot of present) {
    if (wanted.has(slot.name)) continue;
    const why = whyDropped(situation, slot);
    if (why !== null) acts.push({ kind: 'drop', name: slot.name, why });
  }
  return acts;
}

function physicalAct(
  { role, elsewhere, replayedLsn, primarySlot }: SlotSituation,
  name: string,
  slot: ReplicationSlot | undefined,
): SlotAct | null {
  if (slot === undefined) return { kind: 'createPhysical', name };
  if (slot.active || slot.kind !== 'physical') return null;
  if (slot.walStatus === 'lost') return { kind: 'drop', name, why: 'it lost its WAL' };
  if (role === 'standby' && (slot.xmin !== undefined || slot.catalogXmin !== undefined)) {
    return { kind: 'drop', name, why: 'it holds old rows for nobody' };
  }
  const theirs =
    name === primarySlot && role === 'standby'
      ? (replayedLsn ?? undefined)
      : elsewhere?.get(name)?.restartLsn;
  return advance(slot, slot.restartLsn, theirs, replayedLsn);
}

function logicalAct(
  situation: SlotSituation,
  name: string,
  want: Extract<WantedSlot, { type: 'logical' }>,
  slot: ReplicationSlot | undefined,
): SlotAct | null {
  const { role, major, elsewhere, replayedLsn } = situation;
  if (role === 'primary') {
    const { database, plugin } = want;
    return slot === undefined ? { kind: 'createLogical', name, database, plugin } : null;
  }
  if (major >= NATIVE_FAILOVER_SLOTS) {
    // One of a former primary stands in the way of the server's own copy.
    const leftOver = slot?.kind === 'logical' && slot.synced !== true && !slot.active;
    return leftOver ? { kind: 'drop', name, why: 'the server keeps its own copy' } : null;
  }
  if (elsewhere === null) return null;
  const theirs = elsewhere.get(name);
  const usable = theirs?.kind === 'logical' && theirs.walStatus !== 'lost';
  if (slot === undefined) return usable ? { kind: 'copyLogical', name } : null;
  if (slot.active) return null;
  if (!usable) return { kind: 'drop', name, why: 'the primary has it no more' };
  if (slot.walStatus === 'lost') return { kind: 'drop', name, why: 'it lost its WAL' };
  return advance(slot, slot.confirmedFlushLsn, theirs.confirmedFlushLsn, replayedLsn);
}

function advance(
  { name, database }: ReplicationSlot,
  own: Lsn | undefined,
  theirs: Lsn | undefined,
  replayedLsn: Lsn | null,
): SlotAct | null {
  if (theirs === undefined) return null;
  const to = replayedLsn !== null && replayedLsn < theirs ? replayedLsn : theirs;
  if (own !== undefined && own >= to) return null;
  return { kind: 'advance', name, database: database ?? null, to };
}

function whyDropped({ policy, ours }: SlotSituation, slot: ReplicationSlot): string | null {
  if (slot.active || slot.temporary || slot.synced === true) return null;
  if (policy.ignore.some((matcher) => matches(matcher, slot))) return null;
  if (ours.has(slot.name)) return 'nobody needs it any more';
  return policy.unknown === 'drop' ? 'nobody asked for it' : null;
}

function matches({ name, type, database, plugin }: SlotMatcher, slot: ReplicationSlot): boolean {
  return (
    (name === undefined || name === slot.name) &&
    (type === undefined || type === slot.kind) &&
    (database === undefined || database === slot.database) &&
    (plugin === undefined || plugin === slot.plugin)
  );
}
