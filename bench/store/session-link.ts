import { seededPrng } from '#libs/kernel';
import {
  decode,
  encode,
  packSessionRequest,
  type SessionAnswer,
  type SessionRequest,
  unpackSessionAnswer,
} from '#libs/protocol';
import { type LinkSecurity, type LinkSelf, PeerLink } from '#libs/transport';
import { systemClock } from '../../apps/controller/src/system-clock.ts';
import type { Place } from './ours.ts';

export type Reached = { readonly security: LinkSecurity; readonly self: LinkSelf };

/** Of the channel 'session'. */
const REQUEST_FRAME = 80;

type OnAnswer = (answer: SessionAnswer | null) => void;

/** Requests to one controller over one link; each is answered once, with null when the link ended. */
export class SessionLink {
  readonly #link: PeerLink;
  readonly #waiting = new Map<number, OnAnswer>();
  #nextId = 1;

  constructor(place: Place, { security, self }: Reached) {
    this.#link = new PeerLink({
      host: place.host,
      port: place.port,
      channel: 'session',
      security,
      self,
      expectedName: place.name,
      time: { clock: systemClock, prng: seededPrng(place.port) },
      onFrame: (_type, body) => this.#onAnswer(unpackSessionAnswer(decode(body))),
      onUp: () => undefined,
      onDown: () => this.#loseAll(),
    });
    this.#link.start();
  }

  get isUp(): boolean {
    return this.#link.state === 'up';
  }

  nextId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  send(request: SessionRequest, onAnswer: OnAnswer): void {
    this.#waiting.set(request.id, onAnswer);
    if (this.#link.send(REQUEST_FRAME, encode(packSessionRequest(request)))) return;
    this.#waiting.delete(request.id);
    onAnswer(null);
  }

  hurry(): void {
    this.#link.hurry();
  }

  stop(): void {
    this.#link.stop();
    this.#loseAll();
  }

  #onAnswer(answer: SessionAnswer): void {
    const onAnswer = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    onAnswer?.(answer);
  }

  #loseAll(): void {
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const onAnswer of lost) onAnswer(null);
  }
}
