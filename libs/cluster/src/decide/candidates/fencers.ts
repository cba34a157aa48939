/** Members of the set relied on, from which the arithmetic of a failover is made (safety 2, 5). */
import type { InstanceName } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import { quorumOf } from '../../sync-set/admit-sync.ts';
import { fencersNeeded } from '../../sync-set/quorum.ts';
import type { SyncMember } from '../../sync-set/sync-events.ts';
import type { WalPosition } from '../../wal-position.ts';
import { freshReport, observed, ourData, presentProof } from '../sight.ts';
import { eligibleCount } from './candidates.ts';

/** A member of the set relied on that receives nothing more from the lost primary. */
export type Fencer = SyncMember & { readonly position: WalPosition };

/** Enough members of the set relied on are heard, and somebody could be promoted. */
export function canFence(input: DecisionInput): boolean {
  const { sync, lease } = input.state;
  if (sync === undefined || lease.kind === 'NeverGranted' || sync.epoch !== lease.epoch) {
    return false;
  }
  const heard = reliedMembers(input).filter((member) => freshReport(input, member.instance)?.guard);
  const needed = fencersNeeded(quorumOf(sync.committed));
  return heard.length >= needed && eligibleCount(input, [lease.holder]) > 0;
}

/** Those of the set whose data is still the one that the set counts. */
export function reliedMembers(input: DecisionInput): readonly SyncMember[] {
  return (input.state.sync?.committed?.members ?? []).filter(({ instance, name }) => {
    const report = freshReport(input, instance);
    return report !== null && report.replicationName === name && ourData(input, report) !== null;
  });
}

/** Members of the set relied on that proved, since this failover began, that they are detached. */
export function fencersOf(input: DecisionInput): Fencer[] {
  const { lease, operation } = input.state;
  if (lease.kind === 'NeverGranted' || operation.kind !== 'failover') return [];
  return reliedMembers(input).flatMap((member) => {
    const report = freshReport(input, member.instance);
    const detached = report === null ? null : presentProof(input.state, report);
    if (detached === null || detached.throughEpoch < lease.epoch) return [];
    return [{ ...member, position: detached.position }];
  });
}

/** Until the epoch has ended, a primary that is heard again ends the saga (safety 5). */
export function renewsAgain(input: DecisionInput, holder: InstanceName): boolean {
  const { lease, settings } = input.state;
  const { guard } = observed(input, holder);
  if (lease.kind !== 'Held' || guard === null || guard.epoch !== lease.epoch) return false;
  const silentMs = input.observations.lease?.silentMs ?? Number.POSITIVE_INFINITY;
  // A new leader counts silence from its own beginning: only a guard that it heard has renewed.
  const heard = guard.ageMs < settings.suspectAfterMs && silentMs < settings.suspectAfterMs;
  return heard && guard.postmaster !== 'down';
}
