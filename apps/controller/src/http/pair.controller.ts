import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  API_PATHS,
  type DemoteClusterRequest,
  demoteClusterRequest,
  type OrderAnswer,
  promoteClusterRequest,
} from '#libs/api';
import {
  type ClusterState,
  endpointsOf,
  memberNames,
  placeOf,
  type Remote,
  type RemotePrimary,
  rootOf,
} from '#libs/cluster';
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
    const asked = demoteClusterRequest.parse(body ?? {});
    const { acceptUnknown } = asked;
    const { name, sequence } = knownCluster(this.model, named);
    const remote = this.#remoteOf(asked);
    const command = { type: 'demoteCluster', remote, acceptUnknown } as const;
    const outcome = await this.commands.order(name, command, request.operator ?? 'nobody');
    return orderAnswerOf(name, outcome, sequence);
  }

  #remoteOf({ archive, to, host = '', port, slot, user }: DemoteClusterRequest): Remote {
    if (archive !== undefined) return { archive };
    const place =
      to === undefined
        ? placeOf(endpointsOf({ host, port }))
        : placeOfCluster(knownCluster(this.model, to));
    return { ...place, slot, user };
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

/** All of its instances, so that a failover there is followed. */
function placeOfCluster(other: ClusterState): Pick<RemotePrimary, 'host' | 'port'> {
  const root = rootOf(other);
  const first = root === null ? undefined : other.members[root];
  if (first === undefined) {
    const detail = `cluster ${other.name} has neither a primary nor a standby leader: give --host`;
    throw new ApiProblem('OPERATION_REFUSED', detail);
  }
  const others = memberNames(other).flatMap((name) =>
    name === root ? [] : (other.members[name] ?? []),
  );
  return placeOf([first, ...others].map(({ postgres }) => postgres));
}
