import type { Epoch } from '#libs/kernel';
import type { GuardAnswer } from '#libs/protocol';

type Members = GuardAnswer & { readonly type: 'failsafe' };

/**
 * Whose promises may stand in for the controllers (safety 11): all members of the cluster as the
 * controllers committed them. The version rides in the renewals: a member that joined later may not be
 * promoted before this guard has said that it knows of it.
 */
export class Failsafe {
  readonly #instance: string;
  #known: Members | null = null;

  /** @param instance this guard's own, which promises itself nothing */
  constructor(instance: string) {
    this.#instance = instance;
  }

  /** From any controller: one that is behind changes nothing. */
  learn(members: Members): void {
    const known = this.#known;
    if (known !== null && members.epoch < known.epoch) return;
    if (known?.epoch === members.epoch && members.version <= known.version) return;
    this.#known = members;
  }

  versionFor(epoch: Epoch): number | null {
    return this.#known?.epoch === epoch ? this.#known.version : null;
  }

  /** Whom to ask; null where failsafe is off or the members of `epoch` are not known. */
  othersFor(epoch: Epoch): readonly string[] | null {
    if (this.#known?.epoch !== epoch || !this.#known.on) return null;
    return this.#known.members.filter((name) => name !== this.#instance);
  }

  /** Every one of them, and not only most: any one that did not promise could be promoted. */
  isComplete(epoch: Epoch, from: readonly string[]): boolean {
    return this.othersFor(epoch)?.every((name) => from.includes(name)) === true;
  }
}
