/** What primary and member write to each other while no controller answers. */
export type PromiseNote = {
  readonly kind: 'ask' | 'promise';
  /** `cluster/instance`: a note is of use to nobody else. */
  readonly to: string;
  readonly epoch: number;
  /** The guard's, which knows when it was given out. */
  readonly nonce: number;
};

export function writeNote(note: PromiseNote): string {
  return JSON.stringify(note);
}

/** Null for anything else. */
export function readNote(text: string): PromiseNote | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Signed by one of us, and still not what we say to each other.
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { kind, to, epoch, nonce } = value as Partial<PromiseNote>;
  if ((kind !== 'ask' && kind !== 'promise') || typeof to !== 'string') return null;
  if (!isCount(epoch) || !isCount(nonce)) return null;
  return { kind, to, epoch, nonce };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
