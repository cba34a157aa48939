import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { Repeats } from '../repeats.ts';
import type { SlotAct } from './slot-plan.ts';

/** What is done again and again, for each write on the primary: no news. */
const ROUTINE: readonly SlotAct['kind'][] = ['advance', 'copyLogical'];

/** What is written of slots: one that cannot be kept when it fails, when it fails otherwise, and once a minute. */
export class SlotTale {
  readonly #failing = new Map<string, Repeats>();

  constructor(
    readonly log: Pick<Logger, 'info' | 'warn'>,
    readonly nowMs?: () => number,
  ) {}

  done(act: SlotAct): void {
    const failed = this.#failing.delete(act.name);
    if (!ROUTINE.includes(act.kind)) this.log.info('slot', { ...act });
    else if (failed) this.log.info('slot kept again', { act: act.kind, slot: act.name });
  }

  failed({ kind: act, name: slot }: Pick<SlotAct, 'kind' | 'name'>, error: unknown): void {
    const repeats = this.#failing.get(slot) ?? new Repeats(this.nowMs);
    this.#failing.set(slot, repeats);
    const why = messageOf(error);
    if (repeats.isNews(`${act}: ${why}`)) this.log.warn('slot not kept', { act, slot, why });
  }
}
