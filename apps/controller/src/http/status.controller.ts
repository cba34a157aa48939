import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { API_PATHS, type StatusAnswer } from '#libs/api';
import { MemberViews } from '../cluster/member-views.ts';
import { ReadModel } from '../cluster/read-model.ts';
import { ControllerCore } from '../controller-core.ts';
import { sendClusters } from './clusters-text.ts';

@Controller()
export class StatusController {
  constructor(
    private readonly core: ControllerCore,
    private readonly model: ReadModel,
    private readonly members: MemberViews,
  ) {}

  @Get(API_PATHS.status)
  async status(@Res() reply: FastifyReply): Promise<void> {
    const head: Omit<StatusAnswer, 'clusters'> = {
      controller: this.members.ownName,
      leader: this.core.leader.name,
      controllers: this.members.all(),
    };
    await sendClusters(reply, head, this.model);
  }
}
