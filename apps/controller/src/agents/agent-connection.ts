import type { Bearer, GuardIdentity } from '#libs/leader';
import { AgentFrame, type AgentPush, encode } from '#libs/protocol';
import type { PeerConnection } from '#libs/transport';

/** One connected agent. Whose instance it speaks for comes from its certificate alone. */
export class AgentConnection {
  /** Events are pushed; false before it asked, and after it was too slow. */
  subscribed = false;
  /** It was told nothing for a while because its buffer was full, or its cluster is not known yet. */
  owedResubscribe = false;
  /** Whoever bears the name of the certificate. */
  readonly bearer: Bearer;
  #connected = true;

  constructor(
    readonly connection: PeerConnection,
    readonly identity: GuardIdentity,
  ) {
    const { peer, remoteAddress } = connection;
    this.bearer = {
      incarnation: peer.incarnation,
      host: remoteAddress.slice(0, remoteAddress.lastIndexOf(':')),
      isConnected: () => this.#connected,
    };
  }

  ended(): void {
    this.#connected = false;
  }

  push(push: AgentPush): boolean {
    return this.pushBytes(encode(push));
  }

  /** For the same push to many. */
  pushBytes(bytes: Uint8Array): boolean {
    return this.connection.send(AgentFrame.push, bytes);
  }

  answer(id: number, error: unknown, body: unknown): boolean {
    return this.connection.send(AgentFrame.answer, encode([id, error, body]));
  }
}
