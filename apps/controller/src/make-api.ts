import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ControllerConfig } from '#libs/config';
import {
  type Logger,
  Metrics,
  type NestLogger,
  nestLogger,
  watchProcess,
} from '#libs/observability';
import type { LinkSecurity, LinkSelf } from '#libs/transport';
import type { AgentServer } from './agents/agent-server.ts';
import { CommandHandler } from './cluster/command-handler.ts';
import { MemberViews } from './cluster/member-views.ts';
import { ReadModel } from './cluster/read-model.ts';
import { collectMetrics } from './collect-metrics.ts';
import { controllerModule } from './controller.module.ts';
import type { ControllerCore } from './controller-core.ts';
import { guardFrontDoor } from './http/front-door.ts';
import { LeaderRelay } from './http/leader-relay.ts';
import { ProblemFilter } from './http/problem.filter.ts';
import type { PeerNetwork } from './links/peer-network.ts';
import { MembershipOrders } from './membership/membership-orders.ts';
import type { Replica } from './raft-host/open-replica.ts';
import { systemClock } from './system-clock.ts';

const BODY_LIMIT_BYTES = 4 * 1_024 * 1_024;

export type ApiParts = {
  readonly config: ControllerConfig;
  readonly log: Logger;
  readonly core: ControllerCore;
  readonly network: PeerNetwork;
  readonly agents: AgentServer;
  readonly security: LinkSecurity;
  readonly self: LinkSelf;
  readonly replica: Replica;
  readonly apiAddress: string;
};

/** The Nest application without a port of its own: requests are handed in by the listener. */
export async function makeApi(
  parts: ApiParts,
): Promise<{ readonly app: NestFastifyApplication; readonly handle: RequestListener }> {
  const { config, log, replica, core, network, agents, security, self, apiAddress } = parts;
  const { host } = replica;
  const { groupId } = self;
  const metrics = new Metrics('controller');
  watchProcess(metrics);
  const model = new ReadModel(host, core.reader, () => core.service);
  collectMetrics(metrics, { core, host, network, model, clock: systemClock });
  const commands = new CommandHandler(host, systemClock, () => core.service);
  const members = new MemberViews({ core, host, network, ownName: config.name, apiAddress });
  let handle: RequestListener = () => undefined;
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    serverFactory: (handler: RequestListener) => {
      handle = handler;
      return createServer(handler);
    },
  });
  const relay = new LeaderRelay(network);
  const orders = new MembershipOrders({
    ...{ host, promoter: core.promoter, security, self },
    electionTimeoutMs: config.timing.electionMs,
    nearlyFull: (id) => core.announcements.diskOf(id)?.nearlyFull === true,
  });
  core.onHttpMessage = (message, from) => relay.onMessage(message, from);
  const name = config.name;
  guardFrontDoor(adapter.getInstance(), { core, host, relay, groupId, name });
  const app = await NestFactory.create<NestFastifyApplication>(
    controllerModule({
      ...{ core, host, commands, model, members, metrics, orders, relay },
      storage: replica.storage,
    }),
    adapter,
    { logger: quietNest(log), abortOnError: false },
  );
  app.useGlobalFilters(new ProblemFilter(log));
  app.connectMicroservice({ strategy: agents });
  await app.startAllMicroservices();
  await app.init();
  await adapter.getInstance().ready();
  return { app, handle };
}

/** Nest tells of each route that it maps; that is of interest to its developers only. */
function quietNest(log: Logger): NestLogger {
  const logger = nestLogger(log.child({ part: 'nest' }));
  return { ...logger, log: logger.debug };
}
