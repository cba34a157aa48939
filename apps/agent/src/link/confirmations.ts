import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Confirmation } from '#libs/protocol';
import { CONFIRMATION_AGE_MAX_MS, LEADER_ANSWER_MS } from '../timing.ts';
import type { Controllers } from './controllers.ts';

/**
 * What the leader said was current, by rounds that began after it was asked (safety 4). A word that was
 * given long ago counts no more: this host may have been cut off since, with a controller that knows no
 * more than we do.
 */
export class Confirmations {
  #latest: Confirmation | null = null;
  #notedMs = 0;
  #askingFor: number | null = null;

  constructor(
    readonly controllers: Controllers,
    readonly log: Logger,
    /** Of another sequence, group of controllers or protocol level than before, or after a silence. */
    readonly onConfirmed: (confirmation: Confirmation) => void,
    readonly nowMs: () => number = () => performance.now(),
  ) {}

  get latest(): Confirmation | null {
    return this.#latest;
  }

  /** Answers may overtake each other; within one incarnation the stream only grows. */
  note(confirmation: Confirmation): void {
    const known = this.#latest;
    const same = known?.controllersIncarnation === confirmation.controllersIncarnation;
    if (known !== null && same && confirmation.sequence < known.sequence) return;
    const wasOld = this.#isOld;
    this.#latest = confirmation;
    this.#notedMs = this.nowMs();
    const isNews =
      confirmation.sequence !== known?.sequence || confirmation.protocol !== known?.protocol;
    if (!same || wasOld || isNews) this.onConfirmed(confirmation);
  }

  /** True when the leader said, not long ago, that `sequence` is all there is. */
  covers(sequence: number): boolean {
    return this.#latest !== null && this.#latest.sequence === sequence && !this.#isOld;
  }

  /** As `covers`; asks for a confirmation when there is none. */
  isSure(sequence: number): boolean {
    if (this.covers(sequence)) return true;
    this.ask(sequence);
    return false;
  }

  get #isOld(): boolean {
    return this.nowMs() - this.#notedMs > CONFIRMATION_AGE_MAX_MS;
  }

  /** Asks for a confirmation of `sequence` unless that question is on its way. */
  ask(sequence: number): void {
    if (this.#askingFor === sequence || this.controllers.leader === null) return;
    this.#askingFor = sequence;
    void this.#ask(sequence);
  }

  async #ask(sequence: number): Promise<void> {
    try {
      this.note(await this.controllers.askLeader('confirm', {}, LEADER_ANSWER_MS));
    } catch (error) {
      this.log.debug('not confirmed', { code: codeOf(error), why: messageOf(error) });
    } finally {
      if (this.#askingFor === sequence) this.#askingFor = null;
    }
  }
}
