import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import {
  API_PATHS,
  type EventsAnswer,
  eventsAnswer,
  jsonOf,
  problemSchema,
  type StatusAnswer,
  statusAnswer,
} from '#libs/api';
import { loadClusterFile, toClusterDefinition } from '#libs/config';
import { DomainError, messageOf } from '#libs/kernel';
import { OPERATOR_NAME } from './certificates.ts';
import { ClusterApi } from './cluster-api.ts';
import { authorityFile, certificateFiles } from './config-files.ts';
import type { ClusterPlan, ControllerPlan } from './plan.ts';

class ApiRefusedError extends DomainError {
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** A controller answers reads from memory; a write needs a quorum's fsync, and an election may come between. */
const READ_TIMEOUT_MS = 1_000;
const WRITE_TIMEOUT_MS = 5_000;
/** Refusals of one controller that another may not share. */
const ASK_ANOTHER = new Set(['NOT_LEADER', 'NO_LEADER', 'QUEUE_FULL', 'UNREACHABLE']);

/** The controllers' HTTP API: reads in plain HTTP, writes over TLS as the operator. */
export class HttpClusterApi extends ClusterApi {
  #tls: Agent | null = null;

  constructor(readonly plan: ClusterPlan) {
    super();
  }

  override async createCluster(): Promise<void> {
    const definition = toClusterDefinition(loadClusterFile(this.plan.clusterFile));
    try {
      await this.#write(API_PATHS.clusters, jsonOf({ name: this.plan.cluster, ...definition }));
    } catch (error) {
      // An earlier attempt of ours whose answer was lost.
      if (!(error instanceof ApiRefusedError && error.code === 'CLUSTER_EXISTS')) throw error;
    }
  }

  override async switchover(): Promise<void> {
    await this.#write(API_PATHS.switchover(this.plan.cluster), {});
  }

  override async leader(): Promise<string | null> {
    return (await this.status()).leader;
  }

  override async trouble(primary: string): Promise<string | null> {
    try {
      return troubleOf(await this.status(), this.plan, primary);
    } catch (error) {
      return messageOf(error);
    }
  }

  /** From the leader where one is known, for only it has heard the agents. */
  async status(): Promise<StatusAnswer> {
    const any = statusAnswer.parse(await this.#read(API_PATHS.status, this.plan.controllers));
    if (any.leader === null || any.leader === any.controller) return any;
    const leader = this.plan.controllers.filter(({ name }) => name === any.leader);
    return statusAnswer.parse(await this.#read(API_PATHS.status, [...leader]));
  }

  async events(after: number): Promise<EventsAnswer> {
    const path = `${API_PATHS.events(this.plan.cluster)}?after=${after}`;
    return eventsAnswer.parse(await this.#read(path, this.plan.controllers));
  }

  async #read(path: string, controllers: readonly ControllerPlan[]): Promise<unknown> {
    return await this.#anyOf(controllers, async (controller) => {
      const to = { ...target(controller, path), timeout: READ_TIMEOUT_MS };
      return await exchange((onAnswer) => httpRequest(to, onAnswer).end());
    });
  }

  async #write(path: string, body: unknown): Promise<unknown> {
    const agent = this.#operator();
    return await this.#anyOf(this.plan.controllers, async (controller) => {
      const to: RequestOptions = {
        ...target(controller, path),
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json' },
        timeout: WRITE_TIMEOUT_MS,
      };
      return await exchange((onAnswer) => httpsRequest(to, onAnswer).end(JSON.stringify(body)));
    });
  }

  /** The first answer, or the first refusal that no other controller would give otherwise. */
  async #anyOf(
    controllers: readonly ControllerPlan[],
    ask: (controller: ControllerPlan) => Promise<unknown>,
  ): Promise<unknown> {
    let last: unknown = new ApiRefusedError('UNREACHABLE', 'no controller to ask');
    for (const controller of controllers) {
      try {
        return await ask(controller);
      } catch (error) {
        if (error instanceof ApiRefusedError && !ASK_ANOTHER.has(error.code)) throw error;
        last = error;
      }
    }
    throw last;
  }

  #operator(): Agent {
    const { certificate, key } = certificateFiles(this.plan, 'operator', OPERATOR_NAME);
    this.#tls ??= new Agent({
      ca: readFileSync(authorityFile(this.plan)),
      cert: readFileSync(certificate),
      key: readFileSync(key),
    });
    return this.#tls;
  }
}

function troubleOf(status: StatusAnswer, plan: ClusterPlan, primary: string): string | null {
  const cluster = status.clusters.find(({ name }) => name === plan.cluster);
  if (status.leader === null || cluster === undefined) return 'no leader that knows the cluster';
  const { lease, operation, instances } = cluster;
  if (operation !== null) return operation;
  if (lease.holder !== primary || !lease.serving) return `the lease is with ${lease.holder}`;
  const odd = instances.filter(({ state }) => state !== 'serving' && state !== 'streaming');
  if (odd.length > 0) return odd.map(({ name, state }) => `${name} is ${state}`).join(', ');
  return instances.length < plan.instances.length ? 'an instance has not joined' : null;
}

function target({ host, httpPort }: ControllerPlan, path: string): RequestOptions {
  return { host: host.address, port: httpPort, path };
}

async function exchange(
  send: (onAnswer: (answer: IncomingMessage) => void) => ReturnType<typeof httpRequest>,
): Promise<unknown> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = send(resolve);
    sent.once('error', (error) => reject(new ApiRefusedError('UNREACHABLE', messageOf(error))));
    sent.once('timeout', () => sent.destroy(new Error('no answer in time')));
  });
  const body = await text(answer);
  if ((answer.statusCode ?? 500) < 300) return body === '' ? null : JSON.parse(body);
  throw refusal(answer.statusCode ?? 0, body);
}

function refusal(status: number, body: string): ApiRefusedError {
  try {
    const { code, detail } = problemSchema.parse(JSON.parse(body));
    return new ApiRefusedError(code, detail);
  } catch {
    return new ApiRefusedError('UNREACHABLE', `HTTP ${status}: ${body.slice(0, 200)}`);
  }
}
