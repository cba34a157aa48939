import {
  type Applied,
  type Envelope,
  packEnvelope,
  packResult,
  readRegister,
  registerKey,
  unpackCommand,
} from '#libs/event-store';
import type { ProposalLoss, ProposalOwner } from '#libs/leader';
import {
  COMMAND_MAX_BYTES,
  decode,
  encode,
  MalformedMessageError,
  packSessionAnswer,
  type SessionAnswer,
  SessionFrame,
  type SessionRequest,
  unpackSessionRequest,
} from '#libs/protocol';
import type { AcceptChannel, ChannelHandler, PeerConnection } from '#libs/transport';
import { STORE_PORTS } from '../raft-host/load-event-store.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';
import type { StateReader } from '../raft-host/state-reader.ts';
import { isRegisterCommand } from './register-command.ts';

export type SessionGatewayOptions = {
  readonly host: RaftHost;
  readonly reader: StateReader;
  /** Name of the leader as far as known here. */
  readonly leaderName: () => string | null;
  /** Why this controller, as the leader, takes nothing that grows now; null while it does. Deletes are taken. */
  readonly growthRefusal: () => string | null;
};

/** Commands of clients, straight from frames into the loop: no framework and no promise per command. */
export class SessionGateway {
  readonly #options: SessionGatewayOptions;
  linkCount = 0;

  constructor(options: SessionGatewayOptions) {
    this.#options = options;
  }

  readonly accept: AcceptChannel = (connection): ChannelHandler => {
    if (connection.peer.role === 'agent') {
      connection.close(new Error('agents open no sessions'));
      return { onFrame: () => undefined, onClose: () => undefined };
    }
    this.linkCount += 1;
    return {
      onFrame: (type, body) => {
        if (type !== SessionFrame.request) {
          throw new MalformedMessageError('a session frame', 'type', 'a request');
        }
        this.#take(connection, unpackSessionRequest(decode(body)));
      },
      onClose: () => {
        this.linkCount -= 1;
      },
    };
  };

  failed(connection: PeerConnection, id: number, loss: ProposalLoss): void {
    const message =
      loss.code === 'OVERLOADED'
        ? 'too many commands wait: send it again later'
        : 'this controller does not lead: send it to the leader';
    const { code, outcome } = loss;
    const leader = this.#options.leaderName();
    answer(connection, { type: 'failed', id, code, message, outcome, leader });
  }

  #take(connection: PeerConnection, request: SessionRequest): void {
    switch (request.type) {
      case 'command':
        this.#command(connection, request);
        return;
      case 'open': {
        const owner = new OpeningOwner(this, connection, request.id);
        this.#propose({ from: 'opening', token: request.token }, owner);
        return;
      }
      case 'read':
        this.#read(connection, request.id, request.body);
        return;
    }
  }

  #command(
    connection: PeerConnection,
    request: Extract<SessionRequest, { type: 'command' }>,
  ): void {
    const { id, session, sequence, answeredTo, body } = request;
    if (body.length > COMMAND_MAX_BYTES) {
      const message = `a command of ${body.length} bytes, the limit is ${COMMAND_MAX_BYTES}`;
      refuse(connection, id, 'COMMAND_TOO_LONG', message);
      return;
    }
    if (!isRegisterCommand(body)) {
      refuse(connection, id, 'COMMAND_NOT_ALLOWED', 'a session may send put and delete only');
      return;
    }
    const refusal = this.#options.growthRefusal();
    if (refusal !== null && unpackCommand(STORE_PORTS, body).type !== 'delete') {
      refuse(connection, id, 'DISK_NEARLY_FULL', refusal);
      return;
    }
    const owner = new CommandOwner(this, connection, id);
    this.#propose({ from: 'session', session, sequence, answeredTo, body }, owner);
  }

  #propose(envelope: Envelope, owner: ProposalOwner): void {
    this.#options.host.propose(packEnvelope(STORE_PORTS, envelope), owner);
  }

  /** A read of one register, as it was at some moment after the request arrived. Body: its key. */
  #read(connection: PeerConnection, id: number, body: Uint8Array): void {
    const { host, reader } = this.#options;
    const key = decode(body);
    if (typeof key !== 'string') throw new MalformedMessageError('a read', 'body', 'a key');
    host.confirm({
      onConfirmed: (readIndex) =>
        host.applies.whenApplied(readIndex, () => {
          reader.get(registerKey(key)).then(
            (stored) => {
              const found = stored === null ? null : readRegister(STORE_PORTS, stored);
              const value = encode([found?.revision ?? 0, found?.value ?? null]);
              answer(connection, { type: 'result', id, index: readIndex, body: value });
            },
            (error: unknown) => host.fail(error),
          );
        }),
      onUnconfirmed: () =>
        this.failed(connection, id, { code: 'NOT_LEADER', outcome: 'notApplied', leader: 0 }),
    });
  }
}

class CommandOwner implements ProposalOwner {
  constructor(
    readonly gateway: SessionGateway,
    readonly connection: PeerConnection,
    readonly id: number,
  ) {}

  onApplied(index: number, applied: Applied): void {
    const body = applied.answer ?? packResult(STORE_PORTS, applied.result);
    answer(this.connection, { type: 'result', id: this.id, index, body });
  }

  onLost(loss: ProposalLoss): void {
    this.gateway.failed(this.connection, this.id, loss);
  }
}

class OpeningOwner extends CommandOwner {
  override onApplied(index: number, applied: Applied): void {
    const { result } = applied;
    if (result.type !== 'opened') super.onApplied(index, applied);
    else answer(this.connection, { type: 'opened', id: this.id, session: result.session });
  }
}

function refuse(connection: PeerConnection, id: number, code: string, message: string): void {
  answer(connection, { type: 'failed', id, code, message, outcome: 'notApplied', leader: null });
}

/** Frames of one turn leave in one write: the connection corks by itself. */
function answer(connection: PeerConnection, message: SessionAnswer): void {
  connection.send(SessionFrame.answer, encode(packSessionAnswer(message)));
}
