import Fastify, { type FastifyInstance } from 'fastify';
import type { PreflightAnswer } from '#libs/api';
import type { Metrics } from '#libs/observability';
import { PEER_PATH, type PeerAnswer } from '../probes/peer-probe.ts';
import { type FailsafeEndpoint, failsafeRoute } from './failsafe-route.ts';
import {
  type HealthQuery,
  type HealthView,
  isAlive,
  isAsync,
  isPrimary,
  isQuorum,
  isReady,
  isReplica,
  isRunning,
  isStandbyLeader,
  isSync,
} from './health-view.ts';

type Check = (view: HealthView, query: HealthQuery) => boolean;

const leads = (view: HealthView): boolean => isPrimary(view) || isStandbyLeader(view);
/** Reads go to every standby and to the primary itself. */
const readOnly: Check = (view, query) => leads(view) || isReplica(view, query);
const readOnlySync: Check = (view, query) => leads(view) || isSync(view, query);
const readOnlyQuorum: Check = (view, query) => leads(view) || isQuorum(view, query);

/** Paths and their meaning as in Patroni (reference/patroni.md 3.1). */
const CHECKS: Readonly<Record<string, Check>> = {
  '/': isPrimary,
  '/primary': isPrimary,
  '/master': isPrimary,
  '/read-write': isPrimary,
  '/leader': leads,
  '/standby-leader': isStandbyLeader,
  '/standby_leader': isStandbyLeader,
  '/replica': isReplica,
  '/read-only': readOnly,
  '/async': isAsync,
  '/asynchronous': isAsync,
  '/sync': isSync,
  '/synchronous': isSync,
  '/quorum': isQuorum,
  '/read-only-sync': readOnlySync,
  '/read-only-synchronous': readOnlySync,
  '/read-only-quorum': readOnlyQuorum,
  '/health': isRunning,
  '/liveness': isAlive,
  '/readiness': isReady,
};

const NO_BODY = ['/liveness', '/readiness'];
const YES = 200;
const NO = 503;

export type HealthServerParts = {
  readonly view: () => HealthView;
  readonly status: () => Record<string, unknown>;
  readonly metrics: Metrics;
  /** What a standby's agent asks when it misses the primary. */
  readonly peer: () => PeerAnswer;
  /** What each method of a rebuild would do; null: not known yet. */
  readonly preflight: () => Promise<PreflightAnswer | null>;
  readonly failsafe: FailsafeEndpoint;
};

/** The endpoints that load balancers ask; reads only. */
export function healthServer({
  view,
  status,
  metrics,
  peer,
  preflight,
  failsafe,
}: HealthServerParts): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: 1_024 });
  for (const [url, check] of Object.entries(CHECKS)) {
    app.route<{ Querystring: HealthQuery }>({
      method: ['GET', 'OPTIONS'],
      url,
      handler: (request, reply) => {
        const code = check(view(), request.query) ? YES : NO;
        const hasBody = request.method === 'GET' && !NO_BODY.includes(url);
        return reply.code(code).send(hasBody ? status() : '');
      },
    });
  }
  app.get(PEER_PATH, () => peer());
  failsafeRoute(app, failsafe);
  app.get('/rebuild/preflight', async (_request, reply) => {
    const answer = await preflight();
    return answer ?? reply.code(NO).send({ problem: 'no primary to ask yet' });
  });
  app.get('/patroni', () => status());
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  app.setNotFoundHandler((request, reply) =>
    reply.code(NO).send(request.method === 'GET' ? status() : ''),
  );
  return app;
}
