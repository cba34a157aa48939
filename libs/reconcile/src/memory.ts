import type { Epoch } from '#libs/kernel';

/**
 * What an agent has acted on and promised. Fsynced beside the data directory before it acts, so that
 * a stale, replayed or restored state can never make it act again (safety 4).
 */
export type ActedMemory = {
  /** Null until the first state was confirmed. */
  readonly controllersIncarnation: string | null;
  readonly version: number;
  readonly epoch: number;
  /** "I receive from no primary of an epoch up to this one"; 0 when never promised. */
  readonly detachedThroughEpoch: number;
};

export const EMPTY_MEMORY: ActedMemory = {
  controllersIncarnation: null,
  version: 0,
  epoch: 0,
  detachedThroughEpoch: 0,
};

/** The state that a step is about to be derived from. */
export type Basis = {
  readonly controllersIncarnation: string;
  readonly version: number;
  /** Of the last grant; 0 before the first. */
  readonly epoch: number;
  /** What the state says of the last restoration of the controllers; null when there was none. */
  readonly restored: { readonly incarnation: string; readonly confirmed: boolean } | null;
};

export type BasisVerdict =
  | { readonly kind: 'usable'; readonly memory: ActedMemory }
  | { readonly kind: 'refused'; readonly why: string };

/** Whether this basis may be acted on after what was acted on before, and the memory to keep first. */
export function judgeBasis(memory: ActedMemory, basis: Basis): BasisVerdict {
  const { controllersIncarnation, version, epoch, restored } = basis;
  const known = memory.controllersIncarnation;
  if (restored?.confirmed === false) {
    const why =
      'the controllers were restored: `matriarch resume` confirms the state of the cluster';
    return { kind: 'refused', why };
  }
  if (known !== null && known !== controllersIncarnation) {
    // Epochs begin again with what was confirmed, so promises about older ones say nothing.
    if (restored?.incarnation === controllersIncarnation) {
      return {
        kind: 'usable',
        memory: { controllersIncarnation, version, epoch, detachedThroughEpoch: 0 },
      };
    }
    return {
      kind: 'refused',
      why:
        `the controllers were restored or replaced (incarnation ${controllersIncarnation}, ` +
        `acted under ${known}): an operator must confirm the cluster's state first`,
    };
  }
  if (version < memory.version) {
    return { kind: 'refused', why: `version ${version} is older than ${memory.version}, acted on` };
  }
  if (epoch < memory.epoch) {
    return { kind: 'refused', why: `epoch ${epoch} is older than ${memory.epoch}, acted on` };
  }
  return { kind: 'usable', memory: { ...memory, controllersIncarnation, version, epoch } };
}

/** The memory that must be on disk before "detached through `epoch`" is said. */
export function promiseDetached(memory: ActedMemory, epoch: Epoch): ActedMemory {
  return { ...memory, detachedThroughEpoch: Math.max(memory.detachedThroughEpoch, epoch) };
}

export function sameMemory(a: ActedMemory, b: ActedMemory): boolean {
  return (
    a.controllersIncarnation === b.controllersIncarnation &&
    a.version === b.version &&
    a.epoch === b.epoch &&
    a.detachedThroughEpoch === b.detachedThroughEpoch
  );
}
