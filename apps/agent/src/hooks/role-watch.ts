import type { CallbackName } from '#libs/config';
import type { HookRole } from './hook-command.ts';

/** What one look shows of the instance, as far as callbacks are about it. */
export type Seen =
  | { readonly kind: 'down' }
  | { readonly kind: 'running'; readonly role: HookRole; readonly postmasterStartedAt: number };

export type Happened = { readonly name: CallbackName; readonly role: HookRole };

/**
 * What happened between two looks. A server that runs when the agent starts counts as started: whoever
 * moves an address wants to hear it again.
 */
export class RoleWatch {
  #role: HookRole | null = null;
  /** Of the server that ran at the last look; null: it was down, or nothing was seen yet. */
  #startedAt: number | null = null;
  #restarts = false;

  look(seen: Seen, restartOrdered: boolean): Happened | null {
    const { before, role: roleBefore } = { before: this.#startedAt, role: this.#role };
    if (seen.kind === 'down') {
      this.#startedAt = null;
      if (before === null || roleBefore === null) return null;
      this.#restarts = restartOrdered;
      return restartOrdered ? null : { name: 'onStop', role: roleBefore };
    }
    const { role, postmasterStartedAt } = seen;
    const restarted = this.#restarts || (before !== null && before !== postmasterStartedAt);
    this.#restarts = false;
    this.#startedAt = postmasterStartedAt;
    this.#role = role;
    if (roleBefore !== null && roleBefore !== role) return { name: 'onRoleChange', role };
    if (restarted) return { name: 'onRestart', role };
    return before === null ? { name: 'onStart', role } : null;
  }
}
