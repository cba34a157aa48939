import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { HookCall } from './hook-command.ts';
import { runHook } from './run-hook.ts';

type Slot = { running: AbortController | null; next: HookCall | null };

/**
 * Programs that are told what happened; nothing waits for them. As in Patroni one runs at a time, and
 * what happens next ends the one before: the last word counts. Reloads do not end the others.
 */
export class Callbacks {
  readonly #changes: Slot = { running: null, next: null };
  readonly #reloads: Slot = { running: null, next: null };
  #closed = false;

  constructor(
    readonly limitMs: number,
    readonly log: Logger,
  ) {}

  call(call: HookCall): void {
    if (this.#closed) return;
    const slot = call.name === 'onReload' ? this.#reloads : this.#changes;
    slot.next = call;
    if (slot.running === null) void this.#work(slot);
    else slot.running.abort();
  }

  close(): void {
    this.#closed = true;
    for (const slot of [this.#changes, this.#reloads]) {
      slot.next = null;
      slot.running?.abort();
    }
  }

  async #work(slot: Slot): Promise<void> {
    for (let call = slot.next; call !== null; call = slot.next) {
      slot.next = null;
      const abort = new AbortController();
      slot.running = abort;
      try {
        await runHook(call, this.log, { timeoutMs: this.limitMs, signal: abort.signal });
      } catch (error) {
        const fields = { hook: call.name, code: codeOf(error), why: messageOf(error) };
        if (abort.signal.aborted) this.log.info('callback ended for the next one', fields);
        else this.log.warn('callback failed', fields);
      }
      slot.running = null;
    }
  }
}
