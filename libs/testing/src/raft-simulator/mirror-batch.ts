import type { PersistBatch } from '#libs/raft';
import type { Oracle, Witness } from './oracle.ts';
import type { SimApplied } from './sim-applied.ts';
import type { SnapshotBody } from './sim-disk.ts';

export type Mirroring = Witness & { readonly applied: SimApplied };

/** Follows what a member hands out for writing, and shows each entry to the oracle. */
export function mirrorBatch(
  member: Mirroring,
  batch: PersistBatch,
  received: SnapshotBody | null,
  oracle: Oracle,
): void {
  const { mirror, media, id } = member;
  const { snapshot, truncateFrom } = batch;
  if (snapshot !== null && received !== null) {
    mirror.reset(snapshot.index, snapshot.term, received.digest);
  }
  if (truncateFrom !== null) mirror.truncateFrom(truncateFrom);
  for (const entry of batch.entries) {
    if (entry.kind === 'membership' && knowsMembership(member)) {
      const base = snapshot ?? media.snapshot.meta;
      oracle.membershipAppended(entry, mirror.membershipAt(entry.index, base));
    }
    oracle.appended(entry, mirror.append(entry), id);
  }
}

/** A joiner that got no membership yet, or whose log begins after its snapshot, cannot tell. */
export function knowsMembership({ applied, mirror, media }: Mirroring): boolean {
  return applied.membership.voters.length > 0 && mirror.firstIndex <= media.snapshot.meta.index + 1;
}
