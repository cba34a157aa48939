import type { Epoch, InstanceName } from '#libs/kernel';
import type { ClusterState } from '../state.ts';

export type PromiseAsk = { readonly holder: string; readonly epoch: number };

/**
 * Why a member does not promise the primary of an epoch to take part in no failover from it; null when
 * it does. Judged by what the member has folded, however old: a promise too many is only a delay, and
 * one that it must not give it knows of itself, by its own promise to be detached.
 */
export function whyNoPromise(
  state: ClusterState | null,
  self: InstanceName,
  { holder, epoch }: PromiseAsk,
  detachedThroughEpoch: number,
): string | null {
  if (state === null) return 'the cluster is not known here';
  const { lease, operation, settings } = state;
  if (!settings.failsafe) return 'failsafe is off';
  if (holder === self) return 'nobody promises itself';
  if (lease.kind === 'NeverGranted') return 'no epoch was ever granted';
  if (lease.epoch !== epoch) return `epoch ${lease.epoch} is known here, not ${epoch}`;
  if (lease.kind !== 'Held') return `epoch ${epoch} is over (${lease.kind.toLowerCase()})`;
  if (lease.holder !== holder) return `epoch ${epoch} is held by ${lease.holder}`;
  if (detachedThroughEpoch >= epoch) return `detached from every primary up to epoch ${epoch}`;
  if (operation.kind === 'failover') return 'a failover is under way';
  if (state.restored?.confirmed === false) return 'the controllers were restored';
  return null;
}

/**
 * Whether nobody can rest on a promise about `epoch` any more: its holder gave it back as its last act,
 * it was fenced, or a later one was granted, which only follows a proof of detachment.
 */
export function isPromiseVoid({ lease }: ClusterState, epoch: Epoch): boolean {
  if (lease.kind === 'NeverGranted') return false;
  if (lease.epoch > epoch) return true;
  return lease.epoch === epoch && (lease.kind === 'Released' || lease.kind === 'Fenced');
}
