import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  API_PATHS,
  demoteClusterRequest,
  type OrderAnswer,
  promoteClusterRequest,
} from '#libs/api';
import { type ClusterState, type Endpoint, memberNames, rootOf } from '#libs/cluster';
import { CommandHandler } from '../cluster/command-handler.ts';
import { ReadModel } from '../cluster/read-model.ts';
import { ApiProblem } from './api-problem.ts';
import { knownCluster } from './known-cluster.ts';
import { orderAnswerOf } from './order-answer.ts';

const CLUSTER = `${API_PATHS.clusters}/:cluster`;

/** Orders that turn one of two clusters of the same data as a whole. */
@Controller()
export class PairController {
  constructor(
    private readonly model: ReadModel,
    private readonly commands: CommandHandler,
  ) {}

  @Post(`${CLUSTER}/demote-cluster`)
  @HttpCode(200)
  async demote(
    @Param('cluster') named: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const { to, host, acceptUnknown, ...rest } = demoteClusterRequest.parse(body ?? {});
    const { name, sequence } = knownCluster(this.model, named);
    const other = to === undefined ? undefined : endpointOf(knownCluster(this.model, to));
    const remote = { host: host ?? '', ...rest, ...other };
    const command = { type: 'demoteCluster', remote, acceptUnknown } as const;
    const outcome = await this.commands.order(name, command, request.operator ?? 'nobody');
    return orderAnswerOf(name, outcome, sequence);
  }

  @Post(`${CLUSTER}/promote-cluster`)
  @HttpCode(200)
  async promote(
    @Param('cluster') named: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const { lastWritten = null, acceptUnknown } = promoteClusterRequest.parse(body ?? {});
    const { name, sequence } = knownCluster(this.model, named);
    const command = { type: 'promoteCluster', lastWritten, acceptUnknown } as const;
    const outcome = await this.commands.order(name, command, request.operator ?? 'nobody');
    return orderAnswerOf(name, outcome, sequence);
  }
}

/** All of its instances where they share a port, so that a failover there is followed; else its leader. */
function endpointOf(other: ClusterState): Endpoint {
  const root = rootOf(other);
  const first = root === null ? undefined : other.members[root];
  if (first === undefined) {
    const detail = `cluster ${other.name} has neither a primary nor a standby leader: give --host`;
    throw new ApiProblem('OPERATION_REFUSED', detail);
  }
  const { port } = first.postgres;
  const members = memberNames(other).flatMap((name) => other.members[name] ?? []);
  if (members.some(({ postgres }) => postgres.port !== port)) return first.postgres;
  const hosts = new Set([first.postgres.host, ...members.map(({ postgres }) => postgres.host)]);
  return { host: [...hosts].join(','), port };
}
