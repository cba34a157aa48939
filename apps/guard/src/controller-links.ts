import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  type Clock,
  codeOf,
  type GuardIncarnation,
  messageOf,
  type Prng,
  seededPrng,
} from '#libs/kernel';
import {
  decode,
  encode,
  type GuardAnswer,
  GuardFrame,
  type GuardRequest,
  type GuardSettings,
  packGuardRequest,
  unpackGuardAnswer,
} from '#libs/protocol';
import {
  DEFAULT_LINK_TIMING,
  DownTelling,
  type LinkNeed,
  type LinkTiming,
  PeerLink,
  type TlsCredentials,
} from '#libs/transport';
import { parseAddress } from './address.ts';
import type { GuardLog } from './guard-log.ts';

/**
 * A lease is short: a controller that comes back must be found soon. While others are connected it is not missed,
 * and thousands of guards would keep it and their own hosts busy with attempts.
 */
const TIMING: LinkTiming = { ...DEFAULT_LINK_TIMING, reconnectMaxMs: 1_000 };
/** For so long after the leader last asked to renew more seldom there are thousands of guards, whatever became of the right. */
const CROWD_REMEMBERED_MS = 300_000;
const SEED_MAX = 2 ** 47;

export type ControllerLinksParts = {
  readonly settings: Pick<GuardSettings, 'controllers'>;
  readonly incarnation: GuardIncarnation;
  readonly credentials: TlsCredentials;
  readonly clock: Clock;
  readonly log: GuardLog;
  /** Takes sockets that a controller has ended; absent: destroyed at once. */
  readonly layAside?: (socket: Duplex) => void;
};

export type ControllerLinksEvents = {
  readonly onUp: (controller: string) => void;
  readonly onDown: (controller: string) => void;
  readonly onAnswer: (controller: string, answer: GuardAnswer) => void;
  /** The leader has asked this guard to renew more seldom, for there are thousands of them. */
  readonly inCrowd: () => boolean;
};

/** Warm links to every controller, so that a change of leader opens none (safety 19). */
export class ControllerLinks {
  readonly #links = new Map<string, PeerLink>();
  readonly #log: GuardLog;
  readonly #events: ControllerLinksEvents;
  readonly #wereUp = new Set<string>();
  /** Connected at least once. */
  readonly #known = new Set<string>();
  readonly #tellings = new Map<string, DownTelling>();
  readonly #clock: Clock;
  #crowdHeardMs: number | null = null;

  constructor(parts: ControllerLinksParts, events: ControllerLinksEvents) {
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#events = events;
    const prng = seededPrng(randomInt(SEED_MAX));
    for (const controller of parts.settings.controllers) {
      this.#tellings.set(controller.name, new DownTelling());
      this.#links.set(controller.name, this.#linkTo(controller, parts, prng));
    }
  }

  start(): void {
    for (const link of this.#links.values()) link.start();
  }

  stop(): void {
    for (const link of this.#links.values()) link.stop();
  }

  get connected(): number {
    let count = 0;
    for (const link of this.#links.values()) if (link.state === 'up') count += 1;
    return count;
  }

  isUp(controller: string): boolean {
    return this.#links.get(controller)?.state === 'up';
  }

  sendTo(controller: string, request: GuardRequest): void {
    this.#links.get(controller)?.send(GuardFrame.request, encode(packGuardRequest(request)));
  }

  /** A controller that is not connected, or does not read, is left out: nothing waits for it. */
  sendToAll(request: GuardRequest): void {
    const body = encode(packGuardRequest(request));
    for (const link of this.#links.values()) {
      if (link.state === 'up') link.send(GuardFrame.request, body);
    }
  }

  /** One of a crowd that lost its right looks for another controller sooner: it may be connected to one that nobody hears. */
  #needOf(controller: string): LinkNeed {
    const isMissed = this.connected === 0 || !this.#known.has(controller);
    if (!isMissed && this.#events.inCrowd()) return 'crowd';
    const need = isMissed ? 'missed' : 'calm';
    return this.#wasInCrowd ? `${need}-in-crowd` : need;
  }

  get #wasInCrowd(): boolean {
    if (this.#crowdHeardMs === null) return false;
    return this.#clock.monotonicMs() - this.#crowdHeardMs < CROWD_REMEMBERED_MS;
  }

  #linkTo(
    controller: GuardSettings['controllers'][number],
    parts: Omit<ControllerLinksParts, 'settings' | 'log'>,
    prng: Prng,
  ): PeerLink {
    const { name } = controller;
    const { incarnation, credentials, clock, layAside } = parts;
    return new PeerLink({
      ...parseAddress(controller.address),
      channel: 'guard',
      security: { kind: 'mutual-tls', credentials },
      self: { ...credentials.identity, memberId: 0, incarnation },
      expectedName: name,
      time: { clock, prng },
      timing: TIMING,
      layAside,
      // At the start the one that leads may be the last to listen.
      need: () => this.#needOf(name),
      onFrame: (type, body) => this.#onFrame(name, type, body),
      onUp: () => {
        this.#tellings.get(name)?.over();
        this.#wereUp.add(name);
        this.#known.add(name);
        this.#log.info('controller connected', { controller: name });
        this.#events.onUp(name);
      },
      onDown: (cause) => this.#onDown(name, cause),
    });
  }

  #onFrame(controller: string, type: number, body: Uint8Array): void {
    if (type !== GuardFrame.answer) {
      this.#log.warn('unknown frame from a controller', { controller, type });
      return;
    }
    let answer: GuardAnswer;
    try {
      answer = unpackGuardAnswer(decode(body));
    } catch (error) {
      this.#log.warn('unreadable answer from a controller', { controller, why: messageOf(error) });
      return;
    }
    const asksSeldom = answer.type === 'renewed' && answer.crowdIntervalMs != null;
    if (asksSeldom) this.#crowdHeardMs = this.#clock.monotonicMs();
    this.#events.onAnswer(controller, answer);
  }

  /**
   * Of a crowd nobody who still has a controller: when two die one after the other, thousands would dial the
   * same third within a second, which takes it and their hosts longer than their rights last.
   */
  #hurryOthers(but: string): void {
    if (this.connected > 0 && (this.#events.inCrowd() || this.#wasInCrowd)) return;
    for (const [name, link] of this.#links) if (name !== but) link.hurry();
  }

  #onDown(controller: string, cause: Error): void {
    if (this.#wereUp.delete(controller)) this.#hurryOthers(controller);
    const complaint = codeOf(cause) ?? cause.message;
    if (this.#tellings.get(controller)?.isNews(complaint) === true) {
      this.#log.warn('controller not connected', { controller, why: cause.message });
    }
    this.#events.onDown(controller);
  }
}
