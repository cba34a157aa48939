import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { API_PATHS, type OrderAnswer, restartRequest } from '#libs/api';
import { CommandHandler } from '../cluster/command-handler.ts';
import { ReadModel } from '../cluster/read-model.ts';
import { knownCluster } from './known-cluster.ts';
import { knownInstance } from './known-instance.ts';
import { orderAnswerOf } from './order-answer.ts';

const RESTART = `${API_PATHS.clusters}/:cluster/restart`;

/** Orders to restart PostgreSQL, at once or at a time. */
@Controller()
export class RestartController {
  constructor(
    private readonly model: ReadModel,
    private readonly commands: CommandHandler,
  ) {}

  @Post(RESTART)
  @HttpCode(200)
  async restart(
    @Param('cluster') named: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const { instances = null, role = null, at = null, ...how } = restartRequest.parse(body ?? {});
    const state = knownCluster(this.model, named);
    const { name, sequence } = state;
    for (const instance of instances ?? []) knownInstance(state, instance);
    const command = { type: 'restart', instances, role, at, ...how } as const;
    const outcome = await this.commands.order(name, command, request.operator ?? 'nobody');
    return orderAnswerOf(name, outcome, sequence);
  }

  @Post(`${RESTART}/cancel`)
  @HttpCode(200)
  async cancel(
    @Param('cluster') named: string,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const { name, sequence } = knownCluster(this.model, named);
    const by = request.operator ?? 'nobody';
    const outcome = await this.commands.order(name, { type: 'cancelRestart' }, by);
    return orderAnswerOf(name, outcome, sequence);
  }
}
