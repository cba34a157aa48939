import type { Duplex } from 'node:stream';
import { codeOf, unreachable } from '#libs/kernel';
import {
  type Channel,
  certificateMismatch,
  decodeRefusal,
  decodeWelcome,
  encodeHello,
  LinkFrame,
  type LinkRefusal,
  OWN_PROTOCOL,
  type Welcome,
} from '#libs/protocol';
import { CHANNEL_LIMITS, GREETING_LIMITS } from './channel-limits.ts';
import { type Dialled, type Dialling, dial, type ResumableSession } from './dial.ts';
import { LinkRefusedError, LinkTimeoutError } from './errors.ts';
import { FramedSocket, type FramedSocketLimits } from './framed-socket.ts';
import type { LinkSecurity } from './link-security.ts';
import {
  DEFAULT_LINK_TIMING,
  type LinkNeed,
  type LinkTime,
  type LinkTiming,
  livenessTimingOf,
  reconnectDelayMs,
} from './link-timing.ts';
import { Liveness } from './liveness.ts';
import type { LinkSelf, Peer } from './peer-connection.ts';

export type PeerLinkOptions = {
  readonly host: string;
  readonly port: number;
  readonly channel: Channel;
  readonly security: LinkSecurity;
  readonly self: LinkSelf;
  /** Only a controller of this name is accepted; null: any controller of the group. */
  readonly expectedName: string | null;
  readonly time: LinkTime;
  readonly timing?: LinkTiming;
  /** How much this link is missed while it is down; absent: always. One of a crowd's is looked after less often. */
  readonly need?: () => LinkNeed;
  /** Takes a socket that its peer has ended, and destroys it some time; absent: destroyed at once. */
  readonly layAside?: ((socket: Duplex) => void) | undefined;
  /** Instead of those of the channel. */
  readonly limits?: FramedSocketLimits;
  readonly onFrame: (type: number, body: Uint8Array) => void;
  readonly onUp: (peer: Peer) => void;
  /** After each attempt that failed and each link that ended; another attempt follows unless stopped. */
  readonly onDown: (cause: Error) => void;
};

export type PeerLinkState = 'stopped' | 'connecting' | 'greeting' | 'up' | 'waiting';

type Stage =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'connecting'; readonly dialling: Dialling }
  | {
      readonly kind: 'greeting';
      readonly socket: FramedSocket;
      readonly timer: ReturnType<typeof setTimeout>;
    }
  | { readonly kind: 'up'; readonly socket: FramedSocket; readonly liveness: Liveness }
  | { readonly kind: 'waiting'; readonly timer: ReturnType<typeof setTimeout> };

/** A warm link to one controller: connected all the time, or on the way there, until stopped. */
export class PeerLink {
  readonly #timing: LinkTiming;
  #stage: Stage = { kind: 'stopped' };
  #attempt = 0;
  #resumable: ResumableSession | null = null;
  #dropped = 0;
  #stopReloading: () => void = () => undefined;

  constructor(private readonly options: PeerLinkOptions) {
    this.#timing = options.timing ?? DEFAULT_LINK_TIMING;
  }

  get state(): PeerLinkState {
    return this.#stage.kind;
  }

  /** Frames that could not be sent since the link was made, for whatever reason. */
  get droppedFrames(): number {
    return this.#dropped;
  }

  /** Bytes that wait for a slow peer. */
  get waitingBytes(): number {
    return this.#stage.kind === 'up' ? this.#stage.socket.waitingBytes : 0;
  }

  start(): void {
    if (this.#stage.kind !== 'stopped') return;
    const { security } = this.options;
    if (security.kind === 'mutual-tls') {
      this.#stopReloading = security.credentials.onReload(() => {
        this.#resumable = null;
      });
    }
    this.#connect();
  }

  /** `onDown` is not called for it. */
  stop(): void {
    const stage = this.#stage;
    this.#stage = { kind: 'stopped' };
    this.#stopReloading();
    this.#release(stage);
  }

  /** Skips what is left of a wait between attempts: the link is missed now. */
  hurry(): void {
    if (this.#stage.kind !== 'waiting') return;
    clearTimeout(this.#stage.timer);
    this.#connect();
  }

  /** False when the frame was dropped: not connected, or over the budget. `body` must not change. */
  send(type: number, body: Uint8Array): boolean {
    const sent = this.#stage.kind === 'up' && this.#stage.socket.send(type, body);
    if (!sent) this.#dropped += 1;
    return sent;
  }

  #connect(): void {
    const { host, port, security, layAside } = this.options;
    const dialling = dial({
      host,
      port,
      security,
      connectTimeoutMs: this.#timing.connectTimeoutMs,
      resumable: this.#resumable,
      allowHalfOpen: layAside !== undefined,
      onResumable: (session) => {
        this.#resumable = session;
      },
    });
    const stage: Stage = { kind: 'connecting', dialling };
    this.#stage = stage;
    this.#attempt += 1;
    dialling.done.then(
      (dialled) => {
        if (this.#stage === stage) this.#greet(dialled);
        else dialled.socket.destroy();
      },
      (cause: Error) => {
        if (this.#stage === stage) this.#down(cause);
      },
    );
  }

  #greet(dialled: Dialled): void {
    const { self, channel, layAside } = this.options;
    const { helloTimeoutMs } = this.#timing;
    const socket: FramedSocket = new FramedSocket(dialled.socket, GREETING_LIMITS, {
      onFrame: (type, body) => this.#onFrame(dialled, type, body),
      onClose: (cause) => this.#onClose(socket, cause),
      layAside,
    });
    const timer = setTimeout(() => {
      socket.close(new LinkTimeoutError('no welcome came', 'helloTimeoutMs', helloTimeoutMs));
    }, helloTimeoutMs);
    this.#stage = { kind: 'greeting', socket, timer };
    const plain = dialled.certificate === null;
    const range = self.speaks ?? OWN_PROTOCOL;
    socket.send(LinkFrame.hello, encodeHello({ ...self, ...range, channel, plain }));
  }

  #onFrame(dialled: Dialled, type: number, body: Uint8Array): void {
    const stage = this.#stage;
    if (stage.kind === 'up') {
      if (!stage.liveness.take(type)) this.options.onFrame(type, body);
      return;
    }
    if (stage.kind !== 'greeting') return;
    if (type === LinkFrame.refusal) {
      this.#refused(stage.socket, decodeRefusal(body));
    } else if (type === LinkFrame.welcome) {
      this.#welcomed(stage, dialled, decodeWelcome(body));
    } else {
      const detail = `frame type ${type} came instead of a welcome`;
      this.#refused(stage.socket, { reason: 'malformed', detail });
    }
  }

  #welcomed(stage: Stage & { kind: 'greeting' }, dialled: Dialled, welcome: Welcome): void {
    const refusal = this.#objection(dialled, welcome);
    if (refusal !== null) {
      this.#refused(stage.socket, refusal);
      return;
    }
    clearTimeout(stage.timer);
    const { socket } = stage;
    const { channel, limits, time, need } = this.options;
    socket.useLimits(limits ?? CHANNEL_LIMITS[channel]);
    const patience = livenessTimingOf(this.#timing, channel);
    const inCrowd = () => need?.() === 'crowd';
    const liveness = new Liveness(socket, patience, time.clock, 'dialled', inCrowd);
    this.#stage = { kind: 'up', socket, liveness };
    this.#attempt = 0;
    const { groupId, role, name, memberId, incarnation, protocol } = welcome;
    this.options.onUp({ groupId, role, name, memberId, incarnation, protocol });
  }

  /** What speaks against the other side; null when nothing does. */
  #objection(dialled: Dialled, welcome: Welcome): LinkRefusal | null {
    const { self, expectedName } = this.options;
    const { certificate } = dialled;
    if (welcome.plain !== (certificate === null)) {
      return { reason: 'plain', detail: 'only one side expects an unencrypted link' };
    }
    if (welcome.groupId !== self.groupId) {
      return { reason: 'group', detail: `it belongs to group ${welcome.groupId}` };
    }
    const mismatch = certificate === null ? null : certificateMismatch(welcome, certificate);
    if (mismatch !== null) return { reason: 'certificate', detail: mismatch };
    if (welcome.role !== 'controller') {
      return { reason: 'role', detail: `it is a ${welcome.role}, not a controller` };
    }
    if (expectedName !== null && welcome.name !== expectedName) {
      return { reason: 'certificate', detail: `it is '${welcome.name}', not '${expectedName}'` };
    }
    return null;
  }

  #refused(socket: FramedSocket, refusal: LinkRefusal): void {
    const { host, port } = this.options;
    socket.close(new LinkRefusedError(`${host}:${port}`, refusal));
  }

  #onClose(socket: FramedSocket, cause: Error | null): void {
    const stage = this.#stage;
    if (stage.kind !== 'greeting' && stage.kind !== 'up') return;
    if (stage.socket !== socket) return;
    this.#release(stage);
    this.#down(cause ?? new Error('the peer closed the link'));
  }

  #down(cause: Error): void {
    const { time, need } = this.options;
    if (this.#attempt > 1 && !isUnreachable(cause)) this.#resumable = null;
    const delayMs = reconnectDelayMs(this.#timing, this.#attempt, time.prng, need?.() ?? 'missed');
    this.#stage = { kind: 'waiting', timer: setTimeout(() => this.#connect(), delayMs) };
    this.options.onDown(cause);
  }

  #release(stage: Stage): void {
    switch (stage.kind) {
      case 'connecting':
        stage.dialling.abort(new Error('the link was stopped'));
        return;
      case 'greeting':
        clearTimeout(stage.timer);
        stage.socket.close(null);
        return;
      case 'up':
        stage.liveness.stop();
        stage.socket.close(null);
        return;
      case 'waiting':
        clearTimeout(stage.timer);
        return;
      case 'stopped':
        return;
      default:
        unreachable(stage);
    }
  }
}

/** Nobody has looked at the session that was offered. */
function isUnreachable(cause: Error): boolean {
  const code = codeOf(cause) ?? '';
  return ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'LINK_TIMEOUT'].includes(
    code,
  );
}
