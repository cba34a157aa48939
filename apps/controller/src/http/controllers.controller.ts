import { Body, Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  API_PATHS,
  addControllerRequest,
  type ControllerOrderAnswer,
  type ControllersAnswer,
  replaceControllerRequest,
  transferLeadershipRequest,
} from '#libs/api';
import { MemberViews } from '../cluster/member-views.ts';
import { MembershipOrders } from '../membership/membership-orders.ts';
import { ApiProblem } from './api-problem.ts';
import { LeaderRelay, problemOfUnanswered } from './leader-relay.ts';

/** The controllers themselves: who they are, and orders about their membership. */
@Controller(API_PATHS.controllers)
export class ControllersController {
  constructor(
    private readonly members: MemberViews,
    private readonly orders: MembershipOrders,
    private readonly relay: LeaderRelay,
  ) {}

  @Get()
  list(): ControllersAnswer {
    return this.members.seats();
  }

  @Post()
  add(@Body() body: unknown): Promise<ControllerOrderAnswer> {
    const { name, address } = addControllerRequest.parse(body);
    return this.orders.add(name, address);
  }

  @Post('transfer-leader')
  @HttpCode(200)
  transfer(@Body() body: unknown): Promise<ControllerOrderAnswer> {
    const { to } = transferLeadershipRequest.parse(body ?? {});
    return this.orders.transfer(to);
  }

  @Post(':name/remove')
  @HttpCode(200)
  async remove(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    if (await this.orders.mustHandOver(name)) return this.#handOverAndPass(request, reply);
    return this.orders.remove(name);
  }

  @Post(':name/replace')
  @HttpCode(200)
  async replace(
    @Param('name') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const { by, address } = replaceControllerRequest.parse(body);
    if (await this.orders.mustHandOver(name, by)) return this.#handOverAndPass(request, reply);
    return this.orders.replace(name, by, address);
  }

  /** An order about the leader itself: another one leads first, and carries it out. */
  async #handOverAndPass(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { memberId, name } = await this.orders.transfer(undefined);
    const answer = await this.relay.askServing(memberId ?? 0, {
      method: request.method,
      url: request.url,
      operator: request.operator,
      body: Buffer.from(request.body === undefined ? '' : JSON.stringify(request.body)),
    });
    if (typeof answer === 'string') {
      const { code, detail } = problemOfUnanswered(answer, name);
      throw new ApiProblem(code, detail);
    }
    void reply.code(answer.status).type(answer.contentType);
    return Buffer.from(answer.body);
  }
}
