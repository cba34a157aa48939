import type { ClusterState, Endpoint } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { LocalNote } from '#libs/protocol';
import type { SignedNote, SignedNotes } from '#libs/transport';
import type { PromisesWanted } from '../guard-client/guard-connection.ts';
import { readNote, writeNote } from './promise-note.ts';

export type PromiseRoundParts = {
  readonly cluster: string;
  readonly notes: Pick<SignedNotes, 'sign' | 'read'>;
  readonly state: () => ClusterState | null;
  /** @returns the member's answer. @throws when it gives none, or says no */
  readonly send: (to: Endpoint, note: SignedNote) => Promise<unknown>;
  readonly tellGuard: (promises: Extract<LocalNote, { type: 'promises' }>) => void;
  readonly log: Pick<Logger, 'info' | 'warn'>;
};

/** The primary's side of failsafe: asks every member that its guard names, and tells the guard who promised. */
export class PromiseRound {
  readonly #parts: PromiseRoundParts;
  /** Why the last round was not complete; null when it was, or none was needed yet. */
  problem: string | null = null;
  #last: { readonly epoch: number; readonly ok: boolean } | null = null;

  constructor(parts: PromiseRoundParts) {
    this.#parts = parts;
  }

  /** One note to each; rounds may overlap, each has its own nonce. */
  async wanted({ epoch, nonce, members }: PromisesWanted): Promise<void> {
    const asked = members.map(async (name) => ({ name, why: await this.#ask(name, epoch, nonce) }));
    const answers = await Promise.all(asked);
    const missing = answers.filter(({ why }) => why !== null);
    const from = answers.flatMap(({ name, why }) => (why === null ? [name] : []));
    this.#note(epoch, missing);
    this.#parts.tellGuard({ type: 'promises', epoch, nonce, from });
  }

  /** Null when it promised. */
  async #ask(member: string, epoch: number, nonce: number): Promise<string | null> {
    const { cluster, notes, state, send } = this.#parts;
    const address = state()?.members[member]?.agent;
    if (address === undefined) return 'its address is not known here yet';
    const to = `${cluster}/${member}`;
    try {
      const answer = await send(address, notes.sign(writeNote({ kind: 'ask', to, epoch, nonce })));
      const { from, text } = notes.read(answer);
      const promise = readNote(text);
      const fits = promise?.kind === 'promise' && promise.epoch === epoch;
      if (fits && promise.nonce === nonce && from.role === 'agent' && from.name === to) return null;
      return `${from.name} answered something else`;
    } catch (error) {
      return messageOf(error);
    }
  }

  #note(epoch: number, missing: readonly { name: string; why: string | null }[]): void {
    const { log } = this.#parts;
    const ok = missing.length === 0;
    this.problem = ok ? null : missing.map(({ name, why }) => `${name}: ${why}`).join('; ');
    if (this.#last?.epoch === epoch && this.#last.ok === ok) return;
    this.#last = { epoch, ok };
    if (ok) log.info('failsafe: every member promised', { epoch });
    else log.warn('failsafe: not every member promises', { epoch, why: this.problem });
  }
}
