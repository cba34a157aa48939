import { DomainError, messageOf } from '#libs/kernel';
import {
  AgentFrame,
  type AgentPattern,
  type AgentPatterns,
  type AgentPush,
  decode,
  encode,
  Fields,
  MalformedMessageError,
} from '#libs/protocol';

/** What the channel needs of a connection; the adapter to `#libs/transport` is in open-link.ts. */
export type Link = {
  /** False when it is not up: the frame is dropped. */
  readonly send: (type: number, payload: Uint8Array) => boolean;
  readonly close: () => void;
};

export type LinkEvents = {
  readonly onUp: () => void;
  readonly onFrame: (type: number, payload: Uint8Array) => void;
  readonly onDown: (why: string) => void;
};

export class LinkError extends DomainError {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

type Pending = {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
};

const PENDING_LIMIT = 64;

/** Requests with answers, and pushes, over the warm connection to one controller. */
export class ControllerChannel {
  #up = false;
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();
  readonly #link: Link;
  /** Why it is not up, in words. */
  downBecause: string | null = 'not connected yet';

  constructor(
    readonly name: string,
    open: (events: LinkEvents) => Link,
    readonly handlers: {
      readonly onUp: (channel: ControllerChannel) => void;
      readonly onDown: (channel: ControllerChannel) => void;
      readonly onPush: (push: AgentPush, channel: ControllerChannel) => void;
    },
  ) {
    this.#link = open({
      onUp: () => this.#becomeUp(),
      onFrame: (type, payload) => this.#receive(type, payload),
      onDown: (why) => this.#becomeDown(why),
    });
  }

  get up(): boolean {
    return this.#up;
  }

  /** @throws LinkError with the controller's code, or LINK_DOWN, LINK_BUSY, LINK_TIMEOUT */
  async request<P extends AgentPattern>(
    pattern: P,
    body: AgentPatterns[P]['ask'],
    timeoutMs: number,
  ): Promise<AgentPatterns[P]['answer']> {
    if (this.#pending.size >= PENDING_LIMIT) {
      throw new LinkError('LINK_BUSY', `${PENDING_LIMIT} requests to ${this.name} are unanswered`);
    }
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        const late = `${this.name} did not answer '${pattern}' within ${timeoutMs} ms`;
        reject(new LinkError('LINK_TIMEOUT', late));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
    });
    if (!this.#link.send(AgentFrame.request, encode([id, pattern, body]))) {
      this.#settle(id)?.reject(new LinkError('LINK_DOWN', `${this.name} is not connected`));
    }
    return (await answer) as AgentPatterns[P]['answer'];
  }

  close(): void {
    this.#link.close();
    this.#becomeDown('closed');
  }

  #becomeUp(): void {
    this.#up = true;
    this.downBecause = null;
    this.handlers.onUp(this);
  }

  #becomeDown(why: string): void {
    const wasUp = this.#up;
    this.#up = false;
    this.downBecause = why;
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(new LinkError('LINK_DOWN', `${this.name}: ${why}`));
    }
    if (wasUp) this.handlers.onDown(this);
  }

  #receive(type: number, payload: Uint8Array): void {
    if (type === AgentFrame.answer) this.#receiveAnswer(decode(payload));
    else if (type === AgentFrame.push) this.handlers.onPush(pushOf(decode(payload)), this);
    else throw new MalformedMessageError('agent frame', 'type', `an answer or push (${type})`);
  }

  #receiveAnswer(decoded: unknown): void {
    if (!Array.isArray(decoded)) throw new MalformedMessageError('answer', '(whole)', 'an array');
    const [id, error, body]: unknown[] = decoded;
    const pending = typeof id === 'number' ? this.#settle(id) : undefined;
    if (error === null || error === undefined) pending?.resolve(body);
    else pending?.reject(refusalOf(error));
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }
}

function refusalOf(error: unknown): LinkError {
  if (typeof error !== 'object' || error === null) return new LinkError('FAILED', String(error));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'FAILED';
  const message = 'message' in error ? String(error.message) : messageOf(error);
  return new LinkError(code, message);
}

/** Events come from our own controllers over mutual TLS; their outline is checked, then they are taken. */
function pushOf(decoded: unknown): AgentPush {
  if (typeof decoded === 'object' && decoded !== null && 'type' in decoded) {
    const { type } = decoded;
    if (type === 'resubscribe' || type === 'leader') return decoded as AgentPush;
    if (type === 'events' && 'events' in decoded && Array.isArray(decoded.events)) {
      return decoded as AgentPush;
    }
  }
  const fields = new Fields('agent push', decoded);
  throw new MalformedMessageError(fields.message, 'type', 'events, leader or resubscribe');
}
