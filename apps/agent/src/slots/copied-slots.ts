import type { ReplicationSlot } from '#libs/postgres-run';
import type { CopiedSlotsFile } from '../state-directory/copied-slots-file.ts';

/**
 * Logical slots on this standby that must not be used yet: rows of the catalogue that they need may be gone. So is one
 * that was copied just now, and each of a former primary, for which the new one has held nothing back so far. Safe
 * once the primary holds rows back for this standby, and the slot here has passed what the primary's own slot held back
 * at that moment.
 */
export class CopiedSlots {
  constructor(readonly file: Pick<CopiedSlotsFile, 'record' | 'keep'>) {}

  copied(name: string): void {
    const { record } = this.file;
    this.file.keep({ ...record, unsafe: { ...record.unsafe, [name]: null } });
  }

  /** Those that a promotion must not hand on. */
  get unsafe(): readonly string[] {
    return Object.keys(this.file.record.unsafe);
  }

  /** As a primary: all that there is here is its own from now on. */
  own(): void {
    this.file.keep({ asPrimary: true, unsafe: {} });
  }

  /** As a standby: what is safe by now. */
  look(
    present: readonly ReplicationSlot[],
    primary: ReadonlyMap<string, ReplicationSlot>,
    ownSlot: string,
  ): void {
    const unsafe: Record<string, number | null> = { ...this.#unsafeAsStandby(present) };
    const held = primary.get(ownSlot)?.catalogXmin;
    for (const [name, marked] of Object.entries(unsafe)) {
      const own = present.find((slot) => slot.name === name)?.catalogXmin;
      const theirs = primary.get(name)?.catalogXmin;
      if (own === undefined || theirs === undefined) continue;
      const holdsBack = held !== undefined && !isAfter(held, own);
      const toPass = marked ?? (holdsBack ? theirs : null);
      if (toPass === null) continue;
      if (isAfter(toPass, own)) unsafe[name] = toPass;
      else delete unsafe[name];
    }
    this.file.keep({ asPrimary: false, unsafe });
  }

  #unsafeAsStandby(present: readonly ReplicationSlot[]): Readonly<Record<string, number | null>> {
    const { asPrimary, unsafe } = this.file.record;
    if (!asPrimary) return unsafe;
    const logical = present.filter(({ kind, synced }) => kind === 'logical' && synced !== true);
    return Object.fromEntries(logical.map(({ name }) => [name, null]));
  }
}

/** Transaction ids go round: compared as PostgreSQL does. */
function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}
