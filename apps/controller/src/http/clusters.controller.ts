import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  API_PATHS,
  type ClusterView,
  createClusterRequest,
  type ExplainAnswer,
  explainOf,
  type FailoversAnswer,
  failoverRequest,
  failoversQuery,
  maintenanceRequest,
  type OrderAnswer,
  outageViewOf,
  switchoverRequest,
} from '#libs/api';
import type { OperatorCommand } from '#libs/cluster';
import { CommandHandler } from '../cluster/command-handler.ts';
import { ReadModel } from '../cluster/read-model.ts';
import { ControllerCore } from '../controller-core.ts';
import { ApiProblem } from './api-problem.ts';
import { sendClusters } from './clusters-text.ts';
import { knownCluster } from './known-cluster.ts';
import { knownInstance } from './known-instance.ts';
import { orderAnswerOf } from './order-answer.ts';

const CLUSTER = `${API_PATHS.clusters}/:cluster`;

/** PostgreSQL clusters and the orders about them. */
@Controller()
export class ClustersController {
  constructor(
    private readonly model: ReadModel,
    private readonly commands: CommandHandler,
    private readonly core: ControllerCore,
  ) {}

  @Get(API_PATHS.clusters)
  async list(@Res() reply: FastifyReply): Promise<void> {
    await sendClusters(reply, {}, this.model);
  }

  @Get(CLUSTER)
  one(@Param('cluster') name: string): ClusterView {
    return this.model.view(knownCluster(this.model, name));
  }

  @Get(`${CLUSTER}/explain`)
  explain(@Param('cluster') name: string): ExplainAnswer {
    const state = knownCluster(this.model, name);
    const { listeningForMs } = this.model;
    return explainOf(state, this.model.heard(state), this.model.standings(state), listeningForMs);
  }

  @Get(`${CLUSTER}/failovers`)
  async failovers(
    @Param('cluster') name: string,
    @Query() query: unknown,
  ): Promise<FailoversAnswer> {
    const { limit } = failoversQuery.parse(query);
    const state = knownCluster(this.model, name);
    const outages = await this.model.outages(state, limit);
    const failovers = outages.map(async (outage) =>
      outageViewOf(outage, await this.model.keptAcknowledged(state.name, outage)),
    );
    return { cluster: state.name, failovers: await Promise.all(failovers) };
  }

  @Post(API_PATHS.clusters)
  async create(@Body() body: unknown, @Req() request: FastifyRequest): Promise<OrderAnswer> {
    const asked = createClusterRequest.parse(body);
    const refusal = this.core.disk.growthRefusal;
    if (refusal !== null) throw new ApiProblem('DISK_NEARLY_FULL', refusal);
    return orderAnswerOf(asked.name, await this.commands.create(asked, operatorOf(request)));
  }

  @Post(`${CLUSTER}/switchover`)
  @HttpCode(200)
  switchover(
    @Param('cluster') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const { to = null } = switchoverRequest.parse(body ?? {});
    return this.#order(name, { type: 'switchover', to }, request);
  }

  @Post(`${CLUSTER}/failover`)
  @HttpCode(200)
  failover(
    @Param('cluster') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const { to = null, acceptLoss, copyAside } = failoverRequest.parse(body ?? {});
    const back = copyAside ? { copyAside } : {};
    return this.#order(name, { type: 'failover', to, acceptLoss, ...back }, request);
  }

  @Post(`${CLUSTER}/acknowledge`)
  @HttpCode(200)
  acknowledge(
    @Param('cluster') name: string,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    return this.#order(name, { type: 'acknowledge' }, request);
  }

  @Post(`${CLUSTER}/maintenance`)
  @HttpCode(200)
  maintenance(
    @Param('cluster') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const { instance, on } = maintenanceRequest.parse(body ?? {});
    return this.#order(name, { type: 'maintenance', instance, on }, request);
  }

  @Post(`${CLUSTER}/pause`)
  @HttpCode(200)
  pause(@Param('cluster') name: string, @Req() request: FastifyRequest): Promise<OrderAnswer> {
    return this.#order(name, { type: 'pause' }, request);
  }

  @Post(`${CLUSTER}/resume`)
  @HttpCode(200)
  resume(@Param('cluster') name: string, @Req() request: FastifyRequest): Promise<OrderAnswer> {
    return this.#order(name, { type: 'resume' }, request);
  }

  async #order(
    name: string,
    command: OperatorCommand,
    request: FastifyRequest,
  ): Promise<OrderAnswer> {
    const state = knownCluster(this.model, name);
    const { name: cluster, sequence } = state;
    if ('to' in command && command.to !== null) knownInstance(state, command.to);
    if (command.type === 'maintenance') knownInstance(state, command.instance);
    const outcome = await this.commands.order(cluster, command, operatorOf(request));
    return orderAnswerOf(cluster, outcome, sequence);
  }
}

/** The front door lets no order pass without one. */
function operatorOf(request: FastifyRequest): string {
  return request.operator ?? 'nobody';
}
