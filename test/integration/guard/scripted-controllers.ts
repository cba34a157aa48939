import { type Clock, epoch, epochMs, guardIncarnation, monotonicMs } from '#libs/kernel';
import {
  decode,
  encode,
  type GuardAnswer,
  GuardFrame,
  type GuardRequest,
  packGuardAnswer,
  unpackGuardRequest,
} from '#libs/protocol';
import {
  type Authority,
  issueCertificate,
  type PeerConnection,
  PeerServer,
  TlsCredentials,
} from '#libs/transport';

const CLOCK: Clock = {
  nowMs: () => epochMs(Date.now()),
  monotonicMs: () => monotonicMs(performance.now()),
  bootMs: () => monotonicMs(performance.now()),
};
const NAMES = ['c1', 'c2', 'c3'];
const LEADER = 'c1';

export type Heard = { readonly at: number; readonly by: string; readonly request: GuardRequest };

/**
 * Three controllers as a guard sees them: real links over mutual TLS, and answers by a script. They are
 * the peer of what is tested, no part of it.
 */
export class ScriptedControllers {
  readonly heard: Heard[] = [];
  readonly refused: string[] = [];
  renewIntervalMs = 400;
  readonly #servers = new Map<string, PeerServer>();
  readonly #connections = new Map<string, PeerConnection>();
  /** Renewals of the held epoch are answered by the leader. */
  answering = true;
  held: { epoch: number; incarnation: string } | null = null;
  /** When the last renewal that was confirmed had arrived; its `s` lies before. */
  confirmedArrivalMs = 0;

  static async listen(authority: Authority): Promise<ScriptedControllers> {
    const controllers = new ScriptedControllers(authority);
    for (const name of NAMES) await controllers.#listen(name, 0);
    return controllers;
  }

  private constructor(private readonly authority: Authority) {}

  get addresses(): { name: string; address: string }[] {
    return NAMES.map((name) => ({
      name,
      address: `127.0.0.1:${this.#servers.get(name)?.port ?? 0}`,
    }));
  }

  get connected(): number {
    return this.#connections.size;
  }

  requests<T extends GuardRequest['type']>(type: T): (GuardRequest & { type: T })[] {
    return this.heard
      .map((heard) => heard.request)
      .filter((request): request is GuardRequest & { type: T } => request.type === type);
  }

  grant(of: number, incarnation: string): void {
    this.held = { epoch: of, incarnation };
    for (const connection of this.#connections.values()) this.#tellGrant(connection);
  }

  refuse(of: number, reason: string): void {
    this.held = null;
    const connection = this.#connections.get(LEADER);
    if (connection === undefined) throw new Error('no guard is connected');
    this.#send(connection, { type: 'renewalRefused', epoch: epoch(of), nonce: 0, reason });
  }

  /** Takes the lease back from a guard without an agent, as with each renewal. */
  handBack(of: number): void {
    const connection = this.#connections.get(LEADER);
    if (connection === undefined) throw new Error('no guard is connected');
    this.#send(connection, { type: 'handBack', epoch: epoch(of) });
  }

  /** `name` has thousands to answer. */
  asksSeldom(name: string, crowdIntervalMs: number): void {
    const connection = this.#connections.get(name);
    if (connection === undefined) throw new Error(`no guard is connected to ${name}`);
    this.#send(connection, { type: 'renewed', epoch: epoch(1), nonce: 1, crowdIntervalMs });
  }

  /** Whose promises may keep the epoch when nobody here answers. */
  failsafe(of: number, members: readonly string[]): void {
    for (const connection of this.#connections.values()) {
      const epochOf = epoch(of);
      this.#send(connection, { type: 'failsafe', epoch: epochOf, version: 1, on: true, members });
    }
  }

  /** What only a later version says: an answer that does not exist yet, and a frame. */
  later(): void {
    for (const connection of this.#connections.values()) {
      connection.send(GuardFrame.answer, encode(['quarantined', this.held?.epoch ?? 1, 'pg2']));
      connection.send(GuardFrame.answer + 10, encode(['anything']));
    }
  }

  forget(): void {
    this.heard.length = 0;
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) await server.close();
  }

  /** It dies; with `isBackAtOnce` it listens again where it did. */
  async die(name: string, { isBackAtOnce }: { readonly isBackAtOnce: boolean }): Promise<void> {
    const server = this.#servers.get(name);
    const port = server?.port ?? 0;
    await server?.close();
    if (isBackAtOnce) await this.#listen(name, port);
  }

  async #listen(name: string, port: number): Promise<void> {
    const issued = await issueCertificate({
      authority: this.authority,
      role: 'controller',
      name,
      hosts: ['127.0.0.1'],
      now: CLOCK.nowMs(),
    });
    const credentials = await TlsCredentials.load(issued);
    const self = { ...credentials.identity, memberId: NAMES.indexOf(name) + 1, incarnation: name };
    const server = await PeerServer.listen({
      host: '127.0.0.1',
      port,
      security: { kind: 'mutual-tls', credentials },
      self,
      clock: CLOCK,
      channels: { guard: (connection) => this.#accept(name, connection) },
      // A guard that is killed breaks off its handshake.
      onRefused: ({ cause }) => this.refused.push(cause.message),
    });
    this.#servers.set(name, server);
  }

  #accept(name: string, connection: PeerConnection) {
    this.#connections.set(name, connection);
    this.#send(connection, { type: 'leader', name: LEADER, term: 1 });
    this.#tellGrant(connection);
    return {
      onFrame: (_type: number, body: Uint8Array) => {
        const request = unpackGuardRequest(decode(body));
        this.heard.push({ at: performance.now(), by: name, request });
        if (name === LEADER) this.#answer(connection, request);
      },
      onClose: () => {
        if (this.#connections.get(name) === connection) this.#connections.delete(name);
      },
    };
  }

  #answer(connection: PeerConnection, request: GuardRequest): void {
    if (!this.answering || request.type === 'guardState') return;
    if (request.type === 'release') {
      if (this.held?.epoch === request.epoch) this.held = null;
      this.#send(connection, { type: 'released', epoch: request.epoch });
      return;
    }
    const { held } = this;
    if (held?.epoch !== request.epoch || held.incarnation !== request.incarnation) return;
    this.confirmedArrivalMs = performance.now();
    this.#send(connection, { type: 'renewed', epoch: request.epoch, nonce: request.nonce });
  }

  #tellGrant(connection: PeerConnection): void {
    if (this.held === null) return;
    this.#send(connection, {
      type: 'granted',
      epoch: epoch(this.held.epoch),
      incarnation: guardIncarnation(this.held.incarnation),
      leaseTtlMs: 3_000,
      renewIntervalMs: this.renewIntervalMs,
      stopBudgetMs: 300,
      guardKillMs: 150,
    });
  }

  #send(connection: PeerConnection, answer: GuardAnswer): void {
    connection.send(GuardFrame.answer, encode(packGuardAnswer(answer)));
  }
}
