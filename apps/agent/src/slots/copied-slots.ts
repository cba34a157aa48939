import type { ReplicationSlot } from '#libs/postgres-run';

/**
 * Logical slots that were copied to this standby and must not be used yet: rows of the catalogue that
 * they need may be gone. Safe once the primary holds rows back for this standby, and the slot here has
 * passed what the primary's own slot held back at that moment.
 */
export class CopiedSlots {
  /** By name: the transaction to pass; null until the primary holds rows back for us. */
  readonly #unsafe = new Map<string, number | null>();

  copied(name: string): void {
    this.#unsafe.set(name, null);
  }

  /** Those that a promotion must not hand on. */
  get unsafe(): readonly string[] {
    return [...this.#unsafe.keys()];
  }

  forget(): void {
    this.#unsafe.clear();
  }

  look(
    present: readonly ReplicationSlot[],
    primary: ReadonlyMap<string, ReplicationSlot>,
    ownSlot: string,
  ): void {
    const held = primary.get(ownSlot)?.catalogXmin;
    for (const [name, toPass] of this.#unsafe) {
      const own = present.find((slot) => slot.name === name)?.catalogXmin;
      const theirs = primary.get(name)?.catalogXmin;
      if (own === undefined || theirs === undefined) continue;
      if (toPass === null) {
        if (held !== undefined && !isAfter(held, own)) this.#unsafe.set(name, theirs);
      } else if (!isAfter(toPass, own)) {
        this.#unsafe.delete(name);
      }
    }
  }
}

/** Transaction ids go round: compared as PostgreSQL does. */
function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}
