import { Controller, Get } from '@nestjs/common';
import { API_PATHS, type ControllerView, type StatusAnswer } from '#libs/api';
import { MemberViews } from '../cluster/member-views.ts';
import { ReadModel } from '../cluster/read-model.ts';
import { ControllerCore } from '../controller-core.ts';

@Controller()
export class StatusController {
  constructor(
    private readonly core: ControllerCore,
    private readonly model: ReadModel,
    private readonly members: MemberViews,
  ) {}

  @Get(API_PATHS.status)
  status(): StatusAnswer {
    const controllers: ControllerView[] = this.members.all();
    return {
      controller: this.members.ownName,
      leader: this.core.leader.name,
      controllers,
      clusters: this.model.clusters(),
    };
  }
}
