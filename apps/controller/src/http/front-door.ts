import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { API_PATHS, PROBLEM_CONTENT_TYPE, type ProblemCode, problem } from '#libs/api';
import type { ControllerCore } from '../controller-core.ts';
import { isolated } from '../integrity/isolated.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';
import { type LeaderRelay, problemOfUnanswered, type RelayedRequest } from './leader-relay.ts';
import { operatorOf } from './operator-identity.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who orders, from the certificate; null for reads without one. */
    operator: string | null;
  }
}

export type FrontDoorOptions = {
  readonly core: ControllerCore;
  readonly host: RaftHost;
  readonly relay: LeaderRelay;
  readonly groupId: string;
  /** Of this controller. */
  readonly name: string;
};

const TOKEN_HEADER = 'x-matriarch-relay';
const OPERATOR_HEADER = 'x-matriarch-operator';
/** Read from committed state, which every controller has. */
const LOCAL_READS = /\/(events(\/stream)?|failovers)$/;

/** Before any handler: who asks, whether he may, and whether the leader must answer. */
export function guardFrontDoor(server: FastifyInstance, options: FrontDoorOptions): void {
  const { relay, groupId } = options;
  server.decorateRequest('operator', null);
  server.addHook('onRequest', async (request, reply) => {
    const relayed = request.headers[TOKEN_HEADER] === relay.token;
    const named = request.headers[OPERATOR_HEADER];
    const { name, whyNot } = relayed
      ? { name: typeof named === 'string' ? named : null, whyNot: 'the relay names nobody' }
      : operatorOf(request.raw, groupId);
    request.operator = name;
    if (!isWrite(request) || name !== null) return;
    const detail =
      `orders need HTTPS with a client certificate of role operator; ${whyNot}: ` +
      'make one with `matriarch certs issue --role operator` and name it with --cert';
    await refuse(reply, 'FORBIDDEN', detail);
  });
  server.addHook('preHandler', async (request, reply) => {
    const { host, name } = options;
    if (host.isolated !== null && request.url.startsWith('/api/')) {
      // What the leader answers may pass through here; nothing is answered from the own state.
      if (needsLeader(request)) await askLeader(request, reply, options);
      if (!reply.sent) await refuse(reply, 'CONTROLLER_ISOLATED', isolated(name, host.isolated));
      return;
    }
    if (host.serving || !needsLeader(request)) return;
    if (request.headers[TOKEN_HEADER] === relay.token) {
      await refuse(reply, 'NO_LEADER', 'leadership is just changing hands: try again');
    } else {
      await askLeader(request, reply, options);
    }
  });
  relay.runHere = (request) => runHere(server, relay.token, request);
}

async function askLeader(
  request: FastifyRequest,
  reply: FastifyReply,
  { core, host, relay }: FrontDoorOptions,
): Promise<void> {
  const { leader } = host.role;
  const write = isWrite(request);
  if (leader === 0 || leader === host.status().self) {
    if (!write) return;
    await refuse(reply, 'NO_LEADER', 'the controllers have no leader at the moment: try again');
    return;
  }
  const answer = await relay.ask(leader, {
    method: request.method,
    url: request.url,
    operator: request.operator,
    body: Buffer.from(request.body === undefined ? '' : JSON.stringify(request.body)),
  });
  if (typeof answer !== 'string') {
    await reply.code(answer.status).type(answer.contentType).send(Buffer.from(answer.body));
  } else if (write) {
    const { code, detail } = problemOfUnanswered(answer, core.nameOf(leader) ?? 'unknown');
    await refuse(reply, code, detail);
  }
  // A read that the leader did not answer is answered from committed state.
}

async function runHere(server: FastifyInstance, token: string, request: RelayedRequest) {
  const { method, url, operator, body } = request;
  const answer = await server.inject({
    method: method === 'POST' ? 'POST' : 'GET',
    url,
    headers: {
      [TOKEN_HEADER]: token,
      ...(operator === null ? {} : { [OPERATOR_HEADER]: operator }),
      ...(body.length === 0 ? {} : { 'content-type': 'application/json' }),
    },
    ...(body.length === 0 ? {} : { payload: Buffer.from(body) }),
  });
  const contentType = String(answer.headers['content-type'] ?? 'application/json');
  return { status: answer.statusCode, contentType, body: answer.rawPayload };
}

function isWrite(request: FastifyRequest): boolean {
  return request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS';
}

function needsLeader(request: FastifyRequest): boolean {
  const [path = ''] = request.url.split('?');
  if (isWrite(request)) return true;
  if (path === API_PATHS.status) return true;
  if (path === API_PATHS.controllers) return true;
  return path.startsWith(API_PATHS.clusters) && !LOCAL_READS.test(path);
}

async function refuse(reply: FastifyReply, code: ProblemCode, detail: string): Promise<void> {
  const body = problem(code, detail);
  await reply.code(body.status).type(PROBLEM_CONTENT_TYPE).send(JSON.stringify(body));
}
