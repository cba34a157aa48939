import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { InvalidNameError, messageOf } from '#libs/kernel';
import { AgentFrame, decode, MalformedMessageError } from '#libs/protocol';
import type { AcceptChannel, ChannelHandler, PeerConnection } from '#libs/transport';
import { identityOf } from '../guards/guard-identity.ts';
import { AgentConnection } from './agent-connection.ts';
import type { EventStream } from './event-stream.ts';

/** What Nest's `send` hands out: a value, an error, or the end. */
type Packet = {
  readonly err?: unknown;
  readonly response?: unknown;
  readonly isDisposed?: boolean;
};

/** Requests of one agent that may wait for their answer at a time. */
const PENDING_MAX = 64;

/**
 * The channel 'agent' as a Nest transport: requests go to the handler of their `@MessagePattern`, and
 * its result or `RpcException` goes back. The listener is the controllers' own port.
 */
export class AgentServer extends Server implements CustomTransportStrategy {
  #listening = false;

  constructor(
    readonly stream: EventStream,
    readonly leader: () => { readonly name: string | null; readonly term: number },
  ) {
    super();
  }

  listen(callback: () => void): void {
    this.#listening = true;
    callback();
  }

  close(): void {
    this.#listening = false;
    for (const agent of this.stream.agents) agent.connection.end();
  }

  /** No events of this transport are of interest to Nest. */
  on(): void {}

  unwrap<T>(): T {
    return this.stream as T;
  }

  readonly accept: AcceptChannel = (connection): ChannelHandler => {
    const agent = this.stream.isEnded ? turnedAway(connection) : agentOf(connection);
    if (agent === null) return { onFrame: () => undefined, onClose: () => undefined };
    this.stream.connected(agent);
    agent.push({ type: 'leader', ...this.leader() });
    const pending = { count: 0 };
    return {
      onFrame: (type, body) => this.#take(agent, pending, type, body),
      onClose: () => this.stream.disconnected(agent),
    };
  };

  #take(agent: AgentConnection, pending: { count: number }, type: number, body: Uint8Array): void {
    if (type !== AgentFrame.request) {
      throw new MalformedMessageError('an agent frame', 'type', 'a request');
    }
    const decoded = decode(body);
    if (!Array.isArray(decoded)) throw new MalformedMessageError('request', '(whole)', 'an array');
    const [id, pattern, ask]: unknown[] = decoded;
    if (typeof id !== 'number' || typeof pattern !== 'string') {
      throw new MalformedMessageError('an agent request', 'id and pattern', 'a number and a text');
    }
    const handler = this.getHandlerByPattern(pattern);
    const refusal = this.#refusal(handler, pattern, pending.count);
    if (handler === null || refusal !== null) {
      agent.answer(id, refusal, null);
      return;
    }
    pending.count += 1;
    this.#handle(agent, id, handler, ask, () => {
      pending.count -= 1;
    });
  }

  #refusal(handler: MessageHandler | null, pattern: string, pending: number) {
    if (handler === null) {
      return { code: 'UNKNOWN_PATTERN', message: `there is no request '${pattern}'` };
    }
    if (!this.#listening) return { code: 'CLOSING', message: 'this controller is stopping' };
    if (pending < PENDING_MAX) return null;
    return { code: 'QUEUE_FULL', message: `${PENDING_MAX} requests wait already` };
  }

  #handle(
    agent: AgentConnection,
    id: number,
    handler: MessageHandler,
    ask: unknown,
    done: () => void,
  ): void {
    let answered = false;
    const respond = ({ err, response, isDisposed }: Packet): void => {
      if (!answered && (err != null || response !== undefined)) {
        answered = true;
        agent.answer(id, err == null ? null : errorFields(err), err == null ? response : null);
      }
      if (isDisposed === true) done();
    };
    const failed = (error: unknown): void => respond({ err: error, isDisposed: true });
    Promise.resolve(handler(ask, agent)).then((result) => {
      this.send(this.transformToObservable(result), respond);
    }, failed);
  }
}

function turnedAway(connection: PeerConnection): null {
  connection.close(new Error('this controller is isolated: its state is not trusted'));
  return null;
}

function agentOf(connection: PeerConnection): AgentConnection | null {
  try {
    return new AgentConnection(connection, identityOf(connection.peer.name));
  } catch (error) {
    if (!(error instanceof InvalidNameError)) throw error;
    connection.close(error);
    return null;
  }
}

function errorFields(error: unknown): { readonly code: string; readonly message: string } {
  if (typeof error === 'object' && error !== null && 'code' in error) {
    return {
      code: String(error.code),
      message: messageOf('message' in error ? error.message : error),
    };
  }
  return { code: 'INTERNAL', message: messageOf(error) };
}
