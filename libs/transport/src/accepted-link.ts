import type { Socket } from 'node:net';
import { type Clock, unreachable } from '#libs/kernel';
import {
  type Channel,
  decodeHello,
  encodeRefusal,
  encodeWelcome,
  type Hello,
  type HelloExpectation,
  judgeHello,
  LinkFrame,
  type LinkRefusal,
} from '#libs/protocol';
import { CHANNEL_LIMITS, GREETING_LIMITS } from './channel-limits.ts';
import { LinkRefusedError, LinkTimeoutError } from './errors.ts';
import { FramedSocket } from './framed-socket.ts';
import { type LinkTiming, livenessTimingOf } from './link-timing.ts';
import { Liveness } from './liveness.ts';
import type { AcceptChannel, ChannelHandler, LinkSelf, PeerConnection } from './peer-connection.ts';

export type AcceptedLinkOptions = {
  readonly self: LinkSelf;
  readonly expected: HelloExpectation;
  readonly channels: Partial<Record<Channel, AcceptChannel>>;
  readonly timing: LinkTiming;
  readonly clock: Clock;
  /** Whether this is one of thousands of links. */
  readonly inCrowd: () => boolean;
  readonly onRefused: (cause: Error) => void;
  readonly onGone: () => void;
};

type Stage =
  | { readonly kind: 'greeting'; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly kind: 'live'; readonly handler: ChannelHandler; readonly liveness: Liveness }
  | { readonly kind: 'refused' };

/** One incoming connection: first a hello that is judged, then frames for the handler of its channel. */
export class AcceptedLink {
  readonly #socket: FramedSocket;
  readonly #remoteAddress: string;
  #stage: Stage;

  constructor(
    socket: Socket,
    private readonly options: AcceptedLinkOptions,
  ) {
    this.#remoteAddress = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    this.#socket = new FramedSocket(socket, GREETING_LIMITS, {
      onFrame: (type, body) => this.#onFrame(type, body),
      onClose: (cause) => this.#onClose(cause),
    });
    const { helloTimeoutMs } = options.timing;
    const timer = setTimeout(() => {
      this.close(new LinkTimeoutError('no hello came', 'helloTimeoutMs', helloTimeoutMs));
    }, helloTimeoutMs);
    this.#stage = { kind: 'greeting', timer };
  }

  close(cause: Error | null): void {
    this.#socket.close(cause);
  }

  #onFrame(type: number, body: Uint8Array): void {
    switch (this.#stage.kind) {
      case 'greeting':
        clearTimeout(this.#stage.timer);
        this.#judge(type, body);
        return;
      case 'live':
        if (!this.#stage.liveness.take(type)) this.#stage.handler.onFrame(type, body);
        return;
      case 'refused':
        return;
      default:
        unreachable(this.#stage);
    }
  }

  #judge(type: number, body: Uint8Array): void {
    const hello = type === LinkFrame.hello ? decodeHello(body) : null;
    if (hello === null) {
      this.#refuse({ reason: 'malformed', detail: `frame type ${type} came before a hello` });
      return;
    }
    const verdict = judgeHello(hello, this.options.expected);
    const accept = this.options.channels[hello.channel];
    if (!verdict.accepted) this.#refuse(verdict.refusal);
    else if (accept !== undefined) this.#welcome(hello, verdict.protocol, accept);
  }

  #welcome(hello: Hello, protocol: number, accept: AcceptChannel): void {
    const { self, expected, timing, clock, inCrowd } = this.options;
    const plain = expected.certificate === null;
    const socket = this.#socket;
    socket.useLimits(CHANNEL_LIMITS[hello.channel]);
    socket.send(LinkFrame.welcome, encodeWelcome({ ...self, protocol, plain }));
    const { groupId, role, name, memberId, incarnation, channel } = hello;
    const connection: PeerConnection = {
      peer: { groupId, role, name, memberId, incarnation, protocol },
      channel,
      remoteAddress: this.#remoteAddress,
      get waitingBytes() {
        return socket.waitingBytes;
      },
      get droppedFrames() {
        return socket.droppedFrames;
      },
      send: (frameType, frameBody) => socket.send(frameType, frameBody),
      end: () => socket.end(),
      close: (cause) => socket.close(cause),
    };
    const patience = livenessTimingOf(timing, channel);
    const isGuard = hello.channel === 'guard';
    const rests = () => isGuard && inCrowd();
    const liveness = new Liveness(socket, patience, clock, 'accepted', rests);
    this.#stage = { kind: 'live', handler: accept(connection), liveness };
  }

  /** The reason goes to the peer and to the log; the peer closes, or is closed after a while. */
  #refuse(refusal: LinkRefusal): void {
    this.options.onRefused(new LinkRefusedError(this.#remoteAddress, refusal));
    this.#stage = { kind: 'refused' };
    this.#socket.send(LinkFrame.refusal, encodeRefusal(refusal));
    this.#socket.end();
    setTimeout(() => this.close(null), this.options.timing.helloTimeoutMs).unref();
  }

  #onClose(cause: Error | null): void {
    this.options.onGone();
    switch (this.#stage.kind) {
      case 'greeting':
        clearTimeout(this.#stage.timer);
        this.options.onRefused(cause ?? new Error('closed before its hello'));
        return;
      case 'live':
        this.#stage.liveness.stop();
        this.#stage.handler.onClose(cause);
        return;
      case 'refused':
        return;
      default:
        unreachable(this.#stage);
    }
  }
}
