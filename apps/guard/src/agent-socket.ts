import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Reply } from '#libs/guarding';
import { DomainError, messageOf } from '#libs/kernel';
import {
  decode,
  encode,
  type LocalAnswer,
  LocalFrameReader,
  type LocalRequest,
  localFrame,
  packLocalAnswer,
  type StrangeRequest,
  strangeRequest,
  unpackLocalRequest,
} from '#libs/protocol';
import type { GuardLog } from './guard-log.ts';

class SocketPathError extends DomainError {
  readonly code = 'GUARD_SOCKET';
}

/** The kernel's limit for the name of a unix socket. */
const SOCKET_PATH_MAX_BYTES = 107;
/** An agent that leaves this much unread hangs: it is cut off and may attach again. */
const UNREAD_LIMIT_BYTES = 262_144;
const ATTACH_LIMIT_MS = 2_000;

export type AgentSocketEvents = {
  readonly onRequest: (request: LocalRequest, reply: Reply) => void;
  /** An agent attached, or the attached one went. */
  readonly onAttached: (attached: boolean) => void;
};

/** The guard's side of `guard.sock`: one agent at a time, a new one replaces the old. */
export class AgentSocket {
  readonly #log: GuardLog;
  readonly #events: AgentSocketEvents;
  #server: Server | null = null;
  #agent: Socket | null = null;
  /** What was asked for and is unknown here: each is logged once. */
  readonly #strange = new Set<string>();

  constructor(log: GuardLog, events: AgentSocketEvents) {
    this.#log = log;
    this.#events = events;
  }

  /** The directory lock is held, so a socket file that is there belongs to a dead guard. */
  listen(path: string): Promise<void> {
    if (Buffer.byteLength(path) > SOCKET_PATH_MAX_BYTES) {
      throw new SocketPathError(`'${path}' is longer than ${SOCKET_PATH_MAX_BYTES} bytes`);
    }
    rmSync(path, { force: true });
    const server = createServer((socket) => this.#accept(socket));
    server.maxConnections = 4;
    this.#server = server;
    const previousMask = process.umask(0o177);
    return new Promise((resolve, reject) => {
      server.once('error', (cause) => {
        process.umask(previousMask);
        reject(new SocketPathError(`cannot listen on ${path}: ${messageOf(cause)}`, { cause }));
      });
      server.listen(path, () => {
        process.umask(previousMask);
        chmodSync(path, 0o600);
        resolve();
      });
    });
  }

  get attached(): boolean {
    return this.#agent !== null;
  }

  /** To the attached agent, if there is one. */
  push(answer: LocalAnswer): void {
    if (this.#agent !== null) this.#send(this.#agent, answer);
  }

  close(): void {
    this.#server?.close();
    this.#agent?.end();
  }

  #send(agent: Socket, answer: LocalAnswer): void {
    if (this.#agent !== agent) return;
    if (agent.writableLength > UNREAD_LIMIT_BYTES) {
      this.#log.warn('agent does not read and is cut off');
      agent.destroy();
      return;
    }
    agent.write(localFrame(encode(packLocalAnswer(answer))));
  }

  #accept(socket: Socket): void {
    const reply: Reply = (answer) => this.#send(socket, answer);
    const unattached = setTimeout(() => socket.destroy(), ATTACH_LIMIT_MS);
    const reader = new LocalFrameReader((payload) => {
      const decoded = decode(payload);
      const strange = strangeRequest(decoded);
      if (strange !== null) {
        this.#refuseStrange(strange, reply);
        return;
      }
      const request = unpackLocalRequest(decoded);
      if (request.type === 'attach') {
        clearTimeout(unattached);
        this.#attach(socket, request.agentPid);
      }
      if (this.#agent === socket) this.#events.onRequest(request, reply);
    });
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#log.warn('agent sent something unreadable', { why: messageOf(error) });
        socket.destroy();
      }
    });
    socket.on('error', (error) => this.#log.info('agent link broke', { why: error.message }));
    socket.on('close', () => {
      clearTimeout(unattached);
      if (this.#agent !== socket) return;
      this.#agent = null;
      this.#log.info('agent detached');
      this.#events.onAttached(false);
    });
  }

  /** Cut off for it, a newer agent would come back with the same again, and no order at all would reach PostgreSQL. */
  #refuseStrange({ type, id }: StrangeRequest, reply: Reply): void {
    const why =
      `this guard is of an older version than its agent and does not know '${type}': it is replaced ` +
      'when PostgreSQL is next stopped and started (on the primary after a switchover)';
    if (!this.#strange.has(type)) this.#log.warn('agent asks for what is unknown here', { why });
    this.#strange.add(type);
    if (id !== null) reply({ type: 'refused', id, code: 'NOT_UNDERSTOOD', why });
  }

  #attach(socket: Socket, agentPid: number): void {
    const replaced = this.#agent;
    this.#agent = socket;
    if (replaced !== null && replaced !== socket) replaced.end();
    this.#log.info('agent attached', { agentPid, replaces: replaced !== null });
    this.#events.onAttached(true);
  }
}
