import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { API_PATHS, type OrderAnswer, rebuildRequest } from '#libs/api';
import type { OperatorCommand } from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import { CommandHandler } from '../cluster/command-handler.ts';
import { ReadModel } from '../cluster/read-model.ts';
import { unknownCluster } from './known-cluster.ts';
import { knownInstance } from './known-instance.ts';
import { orderAnswerOf } from './order-answer.ts';

const REBUILD = `${API_PATHS.clusters}/:cluster/instances/:instance/rebuild`;

/** Orders to build the data of one instance anew. */
@Controller()
export class RebuildController {
  constructor(
    private readonly model: ReadModel,
    private readonly commands: CommandHandler,
  ) {}

  @Post(REBUILD)
  @HttpCode(200)
  rebuild(
    @Param('cluster') cluster: string,
    @Param('instance') instance: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const { method = null, from = null, force } = rebuildRequest.parse(body ?? {});
    return this.#order(cluster, instance, request, (member) => {
      return { type: 'rebuild', instance: member, method, from, force };
    });
  }

  @Post(`${REBUILD}/cancel`)
  @HttpCode(200)
  cancel(
    @Param('cluster') cluster: string,
    @Param('instance') instance: string,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    return this.#order(cluster, instance, request, (member) => {
      return { type: 'cancelRebuild', instance: member };
    });
  }

  async #order(
    cluster: string,
    instance: string,
    request: FastifyRequest,
    commandFor: (member: InstanceName) => OperatorCommand,
  ): Promise<OrderAnswer> {
    const state = this.model.clusterNamed(cluster);
    if (state === null) {
      throw unknownCluster(this.model, cluster);
    }
    const { name, sequence } = state;
    const member = knownInstance(state, instance);
    const by = request.operator ?? 'nobody';
    const outcome = await this.commands.order(name, commandFor(member.name), by);
    return orderAnswerOf(name, outcome, sequence);
  }
}
