/** What becomes of slots: those of members that are gone, and those that are about to lose WAL. */
import type { Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import { dangerOf } from '../../replication/slot-policy.ts';
import { slotPolicyOf } from '../../revisions.ts';
import { memberNames } from '../../state.ts';
import { freshReport, observed } from '../sight.ts';

/**
 * A member that was not heard for `memberTtlMs` has no WAL kept for it: its slot would fill the disks
 * of all others. A new leader counts from its own beginning, so it never waits for less.
 */
export function keepMemberSlots(input: DecisionInput): Decision | null {
  const { state, observations } = input;
  const { memberTtlMs } = slotPolicyOf(state.postgres);
  const holder = state.lease.kind === 'Held' ? state.lease.holder : null;
  const events = memberNames(state).flatMap((instance): ClusterEvent[] => {
    const released = state.members[instance]?.slotReleased === true;
    if (freshReport(input, instance) !== null) {
      return released ? [{ type: 'MemberSlotRestored', instance }] : [];
    }
    const silentMs = observed(input, instance).reportAgeMs ?? observations.servingForMs;
    if (released || instance === holder || memberTtlMs === 0 || silentMs < memberTtlMs) return [];
    return [{ type: 'MemberSlotReleased', instance, silentMs: Math.round(silentMs) }];
  });
  return events.length === 0 ? null : { rule: 'keep-member-slots', events };
}

/** Says once that a slot of the primary is in danger, once that it is lost, and once that it is well. */
export function warnOfSlots(input: DecisionInput): Decision | null {
  const { lease, slotDangers = {} } = input.state;
  if (lease.kind !== 'Held' || !lease.serving) return null;
  const slots = freshReport(input, lease.holder)?.slots;
  if (slots === undefined) return null;
  const events = slots.flatMap((slot): ClusterEvent[] => {
    const danger = dangerOf(slot);
    if (danger === (slotDangers[slot.name] ?? null)) return [];
    const { name, retainedBytes, safeBytes } = slot;
    const sizes = { retainedBytes, safeBytes };
    return [{ type: 'SlotWarned', instance: lease.holder, slot: name, danger, ...sizes }];
  });
  const gone = Object.keys(slotDangers).filter((name) => !slots.some((slot) => slot.name === name));
  for (const slot of gone) {
    const sizes = { retainedBytes: null, safeBytes: null };
    events.push({ type: 'SlotWarned', instance: lease.holder, slot, danger: null, ...sizes });
  }
  return events.length === 0 ? null : { rule: 'warn-of-slots', events };
}
