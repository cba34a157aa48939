import { hrtime } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, type CommandResult, packCommand, unpackResult } from '#libs/event-store';
import { type Prng, unreachable } from '#libs/kernel';
import {
  decode,
  encode,
  packSessionRequest,
  type SessionAnswer,
  SessionFrame,
  type SessionRequest,
  unpackSessionAnswer,
} from '#libs/protocol';
import type { Operation, RegisterInput, RegisterOutput } from '#libs/testing';
import type { LinkTiming, PeerLink } from '#libs/transport';
import { STORE_PORTS } from '../../../apps/controller/src/raft-host/load-event-store.ts';
import type { ControllerProcesses } from '../controller/controller-processes.ts';

const ANSWER_LIMIT_MS = 300;
const RETRY_PAUSE_MS = 20;
/** Share of its operations. */
const READS = 0.5;
/** Who stays with one controller is there to be given a stale value. */
const LOYAL_READS = 0.85;
/** Three controllers start meanwhile, on a busy machine. */
const OPEN_LIMIT_MS = 120_000;
const utf8 = new TextEncoder();

export type ClientOptions = {
  readonly name: string;
  /** It repeats a command for this long while it hears nothing; then the outcome stays unknown. */
  readonly patienceMs: number;
  /** It turns to another controller only when it is sent away, not when it hears nothing. */
  readonly loyal: boolean;
  readonly prng: Prng;
};

type Refusal = { readonly leader: string | null };

/** One request and its repetitions. */
type Asked = {
  readonly ids: number[];
  answer: SessionAnswer | null;
  wake: (refusal: Refusal | null) => void;
};

/** One client: one session, one operation at a time, whichever controller leads. */
export class RegisterClient {
  readonly history: Operation[] = [];
  /** The controller that answered last. */
  target = 'c1';
  #links = new Map<string, PeerLink>();
  #waiting = new Map<number, (answer: SessionAnswer) => void>();
  #lastId = 0;
  #session = 0;
  #sequence = 0;
  #answeredTo = 0;
  #written = 0;
  /** What the client last saw in a register, for its conditions. */
  readonly #seen = new Map<string, { readonly revision: number; readonly value: string | null }>();

  constructor(private readonly options: ClientOptions) {}

  async connect(processes: ControllerProcesses, timing: Partial<LinkTiming> = {}): Promise<void> {
    const onFrame = (type: number, body: Uint8Array): void => {
      if (type !== SessionFrame.answer) return;
      const answer = unpackSessionAnswer(decode(body));
      this.#waiting.get(answer.id)?.(answer);
    };
    for (const name of processes.names) {
      const link = await processes.link(name, onFrame, timing);
      this.#links.set(name, link);
    }
    const token = this.options.name;
    const answer = await this.#ask((id) => ({ type: 'open', id, token }), OPEN_LIMIT_MS);
    if (answer?.type !== 'opened') throw new Error(`no session for ${token}`);
    this.#session = answer.session;
  }

  close(): void {
    for (const link of this.#links.values()) link.stop();
  }

  /** One operation, drawn; it stands in the history when this resolves. */
  async act(key: string): Promise<void> {
    const { name, prng } = this.options;
    const draw = prng.unit();
    const known = this.#seen.get(key);
    if (draw < (this.options.loyal ? LOYAL_READS : READS)) return await this.read(key);
    this.#written += 1;
    const value = `${name}-${this.#written}`;
    const conditional = known !== undefined && prng.chance(0.4);
    const condition = conditional ? { expected: known.value } : {};
    const expectedRevision = conditional ? known.revision : null;
    if (draw < 0.9) {
      const command = { type: 'put', key, value: utf8.encode(value), expectedRevision } as const;
      await this.#write(key, { type: 'put', value, ...condition }, command);
    } else {
      const command = { type: 'delete', key, expectedRevision } as const;
      await this.#write(key, { type: 'delete', ...condition }, command);
    }
  }

  /** What is asked has left for the kernel. */
  get hasSent(): boolean {
    return this.#links.get(this.target)?.waitingBytes === 0;
  }

  async put(key: string, value: string): Promise<void> {
    const bytes = utf8.encode(value);
    const command = { type: 'put', key, value: bytes, expectedRevision: null } as const;
    await this.#write(key, { type: 'put', value }, command);
  }

  async read(key: string): Promise<void> {
    const callNs = nowNs();
    const body = encode(key);
    const answer = await this.#ask((id) => ({ type: 'read', id, body }), this.options.patienceMs);
    if (answer?.type !== 'result') return;
    const [revision, bytes] = decode(answer.body) as [number, Uint8Array | null];
    const value = bytes === null ? null : new TextDecoder().decode(bytes);
    this.#seen.set(key, { revision, value });
    this.#record(key, { type: 'read' }, { type: 'read', value }, callNs);
  }

  async #write(key: string, input: RegisterInput, command: Command): Promise<void> {
    this.#sequence += 1;
    const [session, sequence, answeredTo] = [this.#session, this.#sequence, this.#answeredTo];
    const body = packCommand(STORE_PORTS, command);
    const callNs = nowNs();
    const answer = await this.#ask(
      (id) => ({ type: 'command', id, session, sequence, answeredTo, body }),
      this.options.patienceMs,
    );
    const output =
      answer?.type === 'result' ? outputOf(unpackResult(STORE_PORTS, answer.body)) : null;
    if (output !== null) this.#answeredTo = sequence;
    this.#record(key, input, output, callNs);
  }

  #record(key: string, input: RegisterInput, output: RegisterOutput | null, callNs: number): void {
    const returnNs = output === null ? null : nowNs();
    this.history.push({ process: this.options.name, key, input, output, callNs, returnNs });
  }

  /** Repeats the request, at whoever leads, until it is answered; null when patience ends. */
  async #ask(
    request: (id: number) => SessionRequest,
    limitMs: number,
  ): Promise<SessionAnswer | null> {
    const endMs = performance.now() + limitMs;
    const asked: Asked = { ids: [], answer: null, wake: () => undefined };
    while (asked.answer === null && performance.now() < endMs) {
      const refusal = await this.#askOnce(request, asked);
      if (asked.answer !== null) break;
      if (refusal !== null || !this.options.loyal) this.target = refusal?.leader ?? this.#next();
      await pause(RETRY_PAUSE_MS);
    }
    for (const id of asked.ids) this.#waiting.delete(id);
    return asked.answer;
  }

  /**
   * Waits for an answer to this attempt or to one before: a controller that was stopped answers later
   * what it was asked meanwhile. Resolves with a refusal, or null.
   */
  #askOnce(request: (id: number) => SessionRequest, asked: Asked): Promise<Refusal | null> {
    this.#lastId += 1;
    const id = this.#lastId;
    asked.ids.push(id);
    return new Promise((resolve) => {
      const end = (refusal: Refusal | null): void => {
        clearTimeout(timer);
        resolve(refusal);
      };
      const timer = setTimeout(() => end(null), ANSWER_LIMIT_MS);
      asked.wake = end;
      this.#waiting.set(id, (answer) => {
        if (answer.type !== 'failed') {
          asked.answer ??= answer;
          asked.wake(null);
        } else if (id === asked.ids.at(-1)) asked.wake(answer);
      });
      const bytes = encode(packSessionRequest(request(id)));
      const sent = this.#links.get(this.target)?.send(SessionFrame.request, bytes) === true;
      if (!sent) end({ leader: null });
    });
  }

  #next(): string {
    return this.options.prng.pick([...this.#links.keys()]);
  }
}

function outputOf(result: CommandResult): RegisterOutput | null {
  switch (result.type) {
    case 'written':
      return { type: 'written' };
    case 'rejected':
      if (result.code === 'STALE_REVISION') return { type: 'rejected' };
      throw new Error(`${result.code}: ${result.message}`);
    case 'appended':
    case 'opened':
      throw new Error(`a register answered '${result.type}'`);
    default:
      return unreachable(result);
  }
}

function nowNs(): number {
  return Number(hrtime.bigint());
}
