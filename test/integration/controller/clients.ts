import type { AgentReport } from '#libs/cluster';
import { type Command, packCommand } from '#libs/event-store';
import { epoch, guardIncarnation, instanceName, lsnOf, timelineId } from '#libs/kernel';
import {
  AgentFrame,
  type AgentPattern,
  type AgentPatterns,
  type AgentPush,
  decode,
  encode,
  type GuardAnswer,
  GuardFrame,
  type GuardRequest,
  packGuardRequest,
  packSessionRequest,
  type SessionAnswer,
  SessionFrame,
  type SessionRequest,
  unpackGuardAnswer,
  unpackSessionAnswer,
} from '#libs/protocol';
import type { PeerLink } from '#libs/transport';
import { STORE_PORTS } from '../../../apps/controller/src/raft-host/load-event-store.ts';
import { type ThreeControllers, until } from './controllers.ts';

/** A guard's link to one controller, and all that came over it. */
export class GuardClient {
  readonly answers: GuardAnswer[] = [];
  #link: PeerLink | null = null;

  static async connect(group: ThreeControllers, name: string, to: string): Promise<GuardClient> {
    const client = new GuardClient();
    client.#link = await group.link('guard', { role: 'guard', name }, to, (type, body) => {
      if (type === GuardFrame.answer) client.answers.push(unpackGuardAnswer(decode(body)));
    });
    return client;
  }

  send(request: GuardRequest): void {
    this.#link?.send(GuardFrame.request, encode(packGuardRequest(request)));
  }

  renew(of: number, incarnation: string, nonce: number): Promise<GuardAnswer> {
    this.sendRenewal(of, incarnation, nonce);
    return this.answered((answer) => 'nonce' in answer && answer.nonce === nonce);
  }

  sendRenewal(of: number, incarnation: string, nonce: number): void {
    this.send({
      type: 'renew',
      incarnation: guardIncarnation(incarnation),
      epoch: epoch(of),
      nonce,
      position: { timeline: timelineId(1), lsn: lsnOf(0x3000000n) },
      postmaster: 'running',
      agentAbsentMs: 0,
    });
  }

  answered(matches: (answer: GuardAnswer) => boolean): Promise<GuardAnswer> {
    return until('the guard is answered', () => this.answers.find(matches));
  }

  close(): void {
    this.#link?.stop();
  }
}

/** An agent's link to one controller. */
export class AgentClient {
  readonly pushes: AgentPush[] = [];
  readonly #answers = new Map<number, readonly [error: unknown, body: unknown]>();
  #link: PeerLink | null = null;
  #lastId = 0;

  /** The controller ended the link, or does not take it. */
  get closed(): boolean {
    return this.#link?.state !== 'up';
  }

  static async connect(group: ThreeControllers, name: string, to: string): Promise<AgentClient> {
    const client = new AgentClient();
    client.#link = await group.link('agent', { role: 'agent', name }, to, (type, body) => {
      const decoded = decode(body);
      if (type === AgentFrame.push) client.pushes.push(decoded as AgentPush);
      else {
        const [id, error, answer] = decoded as [number, unknown, unknown];
        client.#answers.set(id, [error, answer]);
      }
    });
    return client;
  }

  /** Rejects with the error's code. */
  async ask<P extends AgentPattern>(
    pattern: P,
    body: unknown,
  ): Promise<AgentPatterns[P]['answer']> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#link?.send(AgentFrame.request, encode([id, pattern, body]));
    const [error, answer] = await until(`an answer to ${pattern}`, () => this.#answers.get(id));
    if (error !== null) throw new Error((error as { code: string }).code);
    return answer as AgentPatterns[P]['answer'];
  }

  close(): void {
    this.#link?.stop();
  }
}

/** A client's link to one controller. */
export class SessionClient {
  readonly answers = new Map<number, SessionAnswer>();
  #link: PeerLink | null = null;
  #lastId = 0;

  static async connect(group: ThreeControllers, to: string): Promise<SessionClient> {
    const client = new SessionClient();
    const operator = { role: 'operator', name: 'alice' } as const;
    client.#link = await group.link('session', operator, to, (type, body) => {
      if (type !== SessionFrame.answer) return;
      const answer = unpackSessionAnswer(decode(body));
      client.answers.set(answer.id, answer);
    });
    return client;
  }

  async ask(request: (id: number) => SessionRequest): Promise<SessionAnswer> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#link?.send(SessionFrame.request, encode(packSessionRequest(request(id))));
    return until('an answer', () => this.answers.get(id));
  }

  async open(token: string): Promise<number> {
    const answer = await this.ask((id) => ({ type: 'open', id, token }));
    if (answer.type !== 'opened') throw new Error(`not opened: ${JSON.stringify(answer)}`);
    return answer.session;
  }

  command(session: number, sequence: number, command: Command): Promise<SessionAnswer> {
    const body = packCommand(STORE_PORTS, command);
    return this.ask((id) => ({
      ...{ type: 'command', id, session, sequence, body },
      answeredTo: sequence - 1,
    }));
  }

  read(key: string): Promise<SessionAnswer> {
    return this.ask((id) => ({ type: 'read', id, body: encode(key) }));
  }

  close(): void {
    this.#link?.stop();
  }
}

/** What an agent with an empty data directory and a live guard says. */
export function reportOf(instance: string, changes: Partial<AgentReport> = {}): AgentReport {
  return {
    instance: instanceName(instance),
    actedVersion: 0,
    postgresEndpoint: { host: '127.0.0.1', port: 5432 },
    agentEndpoint: { host: '127.0.0.1', port: 8008 },
    tags: { noFailover: false, noLoadBalance: false, failoverPriority: 0 },
    guard: {
      incarnation: guardIncarnation(`guard-of-${instance}`),
      epoch: null,
      remainingMs: null,
    },
    dataDirectory: { kind: 'empty' },
    postgres: { kind: 'stopped' },
    detached: null,
    downForMs: 0,
    abandonedHandOver: null,
    activity: null,
    problem: null,
    ...changes,
  };
}

export function initialisedReport(instance: string): AgentReport {
  return reportOf(instance, {
    dataDirectory: {
      kind: 'initialised',
      systemIdentifier: '7123456789012345678',
      walEnd: null,
      timeline: timelineId(1),
      ancestors: [],
      cleanShutdown: true,
    },
  });
}
