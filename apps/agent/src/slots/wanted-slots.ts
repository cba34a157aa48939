import {
  type ClusterState,
  lastHolder,
  type PermanentSlot,
  rootOf,
  slotPolicyOf,
  upstreamOf,
} from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import { slotNameOf } from '#libs/postgres-model';

/** A slot that this instance should have. */
export type WantedSlot = PermanentSlot & { readonly member: InstanceName | null };

export type WantedSlots = {
  readonly wanted: ReadonlyMap<string, WantedSlot>;
  /** Names that are ours to drop: of members, and of slots that were permanent once. */
  readonly ours: ReadonlySet<string>;
};

/**
 * Slots of the other members and the permanent ones, on the primary and on whoever may become one: a
 * failover then loses none. An instance that never takes over has those of its own followers only.
 */
export function wantedSlotsOf(
  state: ClusterState,
  own: InstanceName,
  role: 'primary' | 'standby',
): WantedSlots {
  const { permanent } = slotPolicyOf(state.postgres);
  const wanted = new Map<string, WantedSlot>();
  const ours = new Set<string>();
  const tags = state.members[own]?.tags;
  const full = role === 'primary' || (tags?.noFailover !== true && tags?.noStream !== true);
  for (const { name, tags: theirs, slotReleased } of Object.values(state.members)) {
    ours.add(slotNameOf(name));
    if (name === own || slotReleased === true || theirs.noStream === true) continue;
    if (full || followsUs(state, name, own)) {
      wanted.set(slotNameOf(name), { type: 'physical', member: name });
    }
  }
  for (const { configuration } of state.revisions ?? []) {
    for (const name of Object.keys(configuration.slots?.permanent ?? {})) ours.add(name);
  }
  if (!full) return { wanted, ours };
  for (const [name, slot] of Object.entries(permanent)) {
    // A member's slot goes before: validation refuses such a name, an older state may have it.
    if (!wanted.has(name)) wanted.set(name, { ...slot, member: null });
  }
  return { wanted, ours };
}

function followsUs(state: ClusterState, name: InstanceName, own: InstanceName): boolean {
  const primary = rootOf(state) ?? lastHolder(state);
  return primary !== null && primary !== name && upstreamOf(state, name, primary).name === own;
}
