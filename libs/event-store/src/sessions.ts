import { sessionKey } from './keys.ts';
import type { StateWrite, StorePorts } from './ports.ts';

/** Beyond this the session used longest ago (in log order) is forgotten, on every controller alike. */
export const SESSIONS_MAX = 10_000;
/** Answers kept per session; a client has fewer commands than this under way. */
export const ANSWERS_MAX = 1_024;

type Session = {
  readonly token: string;
  answeredTo: number;
  /** Log index of its last command, or of its opening. */
  usedAt: number;
  readonly answers: Map<number, Uint8Array>;
  /** One for all its changes: the record is encoded once for all that are written together. */
  readonly write: StateWrite;
};

export type Answered = {
  readonly session: number;
  readonly sequence: number;
  readonly answeredTo: number;
};

export type Lookup =
  | { readonly kind: 'new' }
  | { readonly kind: 'repeated'; readonly answer: Uint8Array }
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'unknownSession' };

/** Remembers what was answered, so that a repeated command has one effect (Raft dissertation 6.3). */
export class Sessions {
  /** In order of last use: a Map iterates in insertion order, and each use inserts anew. */
  readonly #byId = new Map<number, Session>();
  readonly #byToken = new Map<string, number>();
  /** Records come back in the order of their keys, which is not that of their last use. */
  #inOrder = true;

  constructor(readonly ports: StorePorts) {}

  get size(): number {
    return this.#byId.size;
  }

  /** The session of this token, made at log position `index` when there is none yet. */
  open(token: string, index: number, writes: StateWrite[]): number {
    const known = this.#byToken.get(token);
    if (known !== undefined) return known;
    const session = this.#session({
      id: index,
      token,
      answeredTo: 0,
      usedAt: index,
      answers: new Map(),
    });
    this.#byId.set(index, session);
    this.#byToken.set(token, index);
    writes.push(session.write);
    if (this.#byId.size > SESSIONS_MAX) this.#forgetOldest(writes);
    return index;
  }

  lookup(id: number, sequence: number): Lookup {
    const session = this.#byId.get(id);
    if (session === undefined) return { kind: 'unknownSession' };
    const answer = session.answers.get(sequence);
    if (answer !== undefined) return { kind: 'repeated', answer };
    return sequence <= session.answeredTo ? { kind: 'forgotten' } : { kind: 'new' };
  }

  answered(
    index: number,
    { session: id, sequence, answeredTo }: Answered,
    answer: Uint8Array,
    writes: StateWrite[],
  ): void {
    const session = this.#byId.get(id);
    if (session === undefined) return;
    session.usedAt = index;
    session.answers.set(sequence, answer);
    session.answeredTo = Math.max(session.answeredTo, answeredTo);
    for (const kept of session.answers.keys()) {
      if (kept <= session.answeredTo || session.answers.size > ANSWERS_MAX) {
        session.answeredTo = Math.max(session.answeredTo, kept);
        session.answers.delete(kept);
      } else break;
    }
    this.#byId.delete(id);
    this.#byId.set(id, session);
    writes.push(session.write);
  }

  restore(id: number, value: Uint8Array): void {
    const decoded = this.ports.decode(value) as [string, number, [number, Uint8Array][], number?];
    const [token, answeredTo, answers, usedAt = id] = decoded;
    const found = { id, token, answeredTo, usedAt, answers: new Map(answers) };
    this.#byId.set(id, this.#session(found));
    this.#byToken.set(token, id);
    this.#inOrder = false;
  }

  #session({ id, ...found }: Omit<Session, 'write'> & { readonly id: number }): Session {
    const { ports } = this;
    const session: Session = {
      ...found,
      write: {
        type: 'latest',
        key: sessionKey(id),
        value: () => {
          const { token, answeredTo, answers, usedAt } = session;
          return ports.encode([token, answeredTo, [...answers], usedAt]);
        },
      },
    };
    return session;
  }

  /** A member that was restarted must forget the same one as those that were not. */
  #order(): void {
    if (this.#inOrder) return;
    this.#inOrder = true;
    const sorted = [...this.#byId].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    this.#byId.clear();
    for (const [id, session] of sorted) this.#byId.set(id, session);
  }

  #forgetOldest(writes: StateWrite[]): void {
    this.#order();
    for (const [id, session] of this.#byId) {
      this.#byId.delete(id);
      this.#byToken.delete(session.token);
      writes.push({ type: 'del', key: sessionKey(id) });
      return;
    }
  }
}
