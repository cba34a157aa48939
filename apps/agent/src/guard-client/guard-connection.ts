import { connect, type Socket } from 'node:net';
import { DomainError, messageOf } from '#libs/kernel';
import {
  decode,
  encode,
  isStrangeAnswer,
  type LocalAnswer,
  LocalFrameReader,
  type LocalNote,
  type LocalRequest,
  localFrame,
  packLocalRequest,
  unpackLocalAnswer,
} from '#libs/protocol';

export type GuardState = Extract<LocalAnswer, { type: 'state' }>;
export type PromisesWanted = Extract<LocalAnswer, { type: 'promisesWanted' }>;
type Asking = Exclude<LocalRequest, LocalNote>;
/** A request without its id, which the connection gives. */
export type GuardAsk = Asking extends infer R ? (R extends Asking ? Omit<R, 'id'> : never) : never;

/** The guard said no, with its own code (`LOCAL_REFUSALS`). */
class GuardRefusedError extends DomainError {
  constructor(
    readonly code: string,
    readonly asked: string,
    why: string,
  ) {
    super(`the guard refused '${asked}': ${why}`);
  }
}

export class GuardGoneError extends DomainError {
  readonly code: string = 'GUARD_GONE';
}

class GuardTimeoutError extends DomainError {
  readonly code = 'GUARD_TIMEOUT';
}

type Pending = {
  readonly asked: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
};

/** One connection to `guard.sock`. Its end says that the guard is gone, or was replaced. */
export class GuardConnection {
  readonly #pending = new Map<number, Pending>();
  readonly #reader = new LocalFrameReader((payload) => this.#receive(payload));
  #nextId = 1;
  #open = true;

  private constructor(
    readonly socket: Socket,
    readonly events: {
      readonly onState: (state: GuardState) => void;
      readonly onPromisesWanted: (wanted: PromisesWanted) => void;
      readonly onMessage: () => void;
      readonly onClosed: (why: string) => void;
    },
  ) {
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.#close(messageOf(error)));
    socket.on('close', () => this.#close('it closed the connection'));
  }

  /** @throws the system's error: ENOENT and ECONNREFUSED mean that no guard runs */
  static open(path: string, events: GuardConnection['events']): Promise<GuardConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new GuardConnection(socket, events));
      });
    });
  }

  get open(): boolean {
    return this.#open;
  }

  /** @throws GuardRefusedError, GuardGoneError, GuardTimeoutError */
  ask(request: GuardAsk, timeoutMs: number): Promise<void> {
    const id = this.#nextId;
    this.#nextId += 1;
    const asked = request.type;
    return new Promise((resolve, reject) => {
      if (!this.#open) {
        reject(new GuardGoneError(`'${asked}' was not asked: the guard is gone`));
        return;
      }
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new GuardTimeoutError(`the guard did not end '${asked}' within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(id, { asked, resolve, reject, timer });
      this.#send({ ...request, id } as LocalRequest);
    });
  }

  /** What is answered by nothing. */
  tell(note: LocalNote): void {
    if (this.#open) this.#send(note);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #send(request: LocalRequest): void {
    this.socket.write(localFrame(encode(packLocalRequest(request))));
  }

  #take(chunk: Uint8Array): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#close(messageOf(error));
    }
  }

  #receive(payload: Uint8Array): void {
    const decoded = decode(payload);
    // From a guard that was started from newer files beside this agent: it lives, whatever it says.
    const strange = isStrangeAnswer(decoded);
    const answer = strange ? null : unpackLocalAnswer(decoded);
    this.events.onMessage();
    if (answer === null) return;
    if (answer.type === 'state') {
      this.events.onState(answer);
      return;
    }
    if (answer.type === 'promisesWanted') {
      this.events.onPromisesWanted(answer);
      return;
    }
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    this.#pending.delete(answer.id);
    clearTimeout(pending.timer);
    if (answer.type === 'done') pending.resolve();
    else pending.reject(new GuardRefusedError(answer.code, pending.asked, answer.why));
  }

  #close(why: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.socket.destroy();
    for (const { asked, reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new GuardGoneError(`the guard went away during '${asked}': ${why}`));
    }
    this.#pending.clear();
    this.events.onClosed(why);
  }
}
