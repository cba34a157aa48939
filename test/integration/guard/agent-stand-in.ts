import { connect, type Socket } from 'node:net';
import { epoch } from '#libs/kernel';
import {
  decode,
  encode,
  type LocalAnswer,
  LocalFrameReader,
  type LocalRequest,
  localFrame,
  packLocalRequest,
  unpackLocalAnswer,
} from '#libs/protocol';

export type GuardState = LocalAnswer & { readonly type: 'state' };
export type PromisesWanted = LocalAnswer & { readonly type: 'promisesWanted' };
type Answer = Exclude<LocalAnswer, GuardState | PromisesWanted>;

/** What an agent says to its guard, one request after another. */
export class AgentStandIn {
  readonly states: GuardState[] = [];
  closed = false;
  /** What the members say when the guard asks for promises. */
  onPromisesWanted: (wanted: PromisesWanted) => void = () => undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, (answer: Answer) => void>();

  private constructor(readonly socket: Socket) {
    const reader = new LocalFrameReader((payload) =>
      this.#take(unpackLocalAnswer(decode(payload))),
    );
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async attach(path: string): Promise<AgentStandIn> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const opening = connect(path, () => resolve(opening));
      opening.once('error', reject);
    });
    const agent = new AgentStandIn(socket);
    await agent.#ask({ type: 'attach', id: agent.#id(), agentPid: process.pid });
    return agent;
  }

  /** The last state that the guard pushed. */
  get state(): GuardState {
    const state = this.states.at(-1);
    if (state === undefined) throw new Error('the guard has not said its state yet');
    return state;
  }

  acquire(of: number): Promise<string> {
    return this.#ask({ type: 'acquire', id: this.#id(), epoch: epoch(of) });
  }

  start(of: number | null): Promise<string> {
    return this.#ask({ type: 'start', id: this.#id(), epoch: of === null ? null : epoch(of) });
  }

  promoting(of: number): Promise<string> {
    return this.#ask({ type: 'promoting', id: this.#id(), epoch: epoch(of) });
  }

  stop(mode: 'fast' | 'immediate', budgetMs = 10_000): Promise<string> {
    return this.#ask({ type: 'stop', id: this.#id(), mode, budgetMs });
  }

  handOver(of: number, budgetMs: number): Promise<string> {
    return this.#ask({ type: 'handOver', id: this.#id(), epoch: epoch(of), budgetMs });
  }

  release(of: number): Promise<string> {
    const reason = 'hand-over';
    return this.#ask({
      ...{ type: 'release', id: this.#id(), epoch: epoch(of), reason },
      timeline: 1,
      lsn: 77n,
    } as LocalRequest & { id: number });
  }

  promises({ epoch: of, nonce }: PromisesWanted, from: readonly string[]): void {
    const note = { type: 'promises', epoch: of, nonce, from } as const;
    this.socket.write(localFrame(encode(packLocalRequest(note))));
  }

  permitDestruction(): Promise<string> {
    return this.#ask({ type: 'permitDestruction', id: this.#id(), step: 'rewind' });
  }

  /** What only a later version knows: once with an id, once as a note. */
  later(): Promise<string> {
    this.socket.write(localFrame(encode(['hint', null, 'spare'])));
    const id = this.#id();
    return this.#answered('freeze', id, ['freeze', id, 'for', 30]);
  }

  shutdown(): Promise<string> {
    return this.#ask({ type: 'shutdown', id: this.#id() });
  }

  /** `done`, or the code of the refusal. */
  #ask(request: LocalRequest & { readonly id: number }): Promise<string> {
    return this.#answered(request.type, request.id, packLocalRequest(request));
  }

  #answered(type: string, id: number, packed: readonly unknown[]): Promise<string> {
    return new Promise((resolve, reject) => {
      this.socket.once('close', () => reject(new Error(`guard went during ${type}`)));
      this.#waiting.set(id, (answer) => {
        resolve(answer.type === 'done' ? 'done' : answer.code);
      });
      this.socket.write(localFrame(encode(packed)));
    });
  }

  #id(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #take(answer: LocalAnswer): void {
    if (answer.type === 'state') {
      this.states.push(answer);
      return;
    }
    if (answer.type === 'promisesWanted') {
      this.onPromisesWanted(answer);
      return;
    }
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}
