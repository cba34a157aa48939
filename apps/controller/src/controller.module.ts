import { type DynamicModule, Module } from '@nestjs/common';
import { Metrics } from '#libs/observability';
import { ReplicaStore } from '#libs/storage';
import { AgentController } from './agents/agent.controller.ts';
import { AgentAnswers } from './agents/agent-answers.ts';
import { EventStream } from './agents/event-stream.ts';
import { CommandHandler } from './cluster/command-handler.ts';
import { MemberViews } from './cluster/member-views.ts';
import { ReadModel } from './cluster/read-model.ts';
import { ControllerCore } from './controller-core.ts';
import { BackupController } from './http/backup.controller.ts';
import { ClustersController } from './http/clusters.controller.ts';
import { ConfigurationController } from './http/configuration.controller.ts';
import { ControllersController } from './http/controllers.controller.ts';
import { EventsController } from './http/events.controller.ts';
import { HealthController } from './http/health.controller.ts';
import { LeaderRelay } from './http/leader-relay.ts';
import { PairController } from './http/pair.controller.ts';
import { RebuildController } from './http/rebuild.controller.ts';
import { RestartController } from './http/restart.controller.ts';
import { StatusController } from './http/status.controller.ts';
import { MembershipOrders } from './membership/membership-orders.ts';
import { RaftHost } from './raft-host/raft-host.ts';

export type ControllerParts = {
  readonly core: ControllerCore;
  readonly host: RaftHost;
  readonly storage: ReplicaStore;
  readonly commands: CommandHandler;
  readonly model: ReadModel;
  readonly members: MemberViews;
  readonly metrics: Metrics;
  readonly orders: MembershipOrders;
  readonly relay: LeaderRelay;
};

/** HTTP and agents are Nest's; what they stand on is made without it and handed in. */
@Module({
  controllers: [
    BackupController,
    StatusController,
    ClustersController,
    ConfigurationController,
    RebuildController,
    RestartController,
    PairController,
    ControllersController,
    EventsController,
    HealthController,
    AgentController,
  ],
})
export class ControllerModule {}

export function controllerModule(parts: ControllerParts): DynamicModule {
  const { core, host, commands, model, members, metrics, orders, relay } = parts;
  return {
    module: ControllerModule,
    providers: [
      { provide: ControllerCore, useValue: core },
      { provide: RaftHost, useValue: host },
      { provide: ReplicaStore, useValue: parts.storage },
      { provide: CommandHandler, useValue: commands },
      { provide: ReadModel, useValue: model },
      { provide: MemberViews, useValue: members },
      { provide: Metrics, useValue: metrics },
      { provide: MembershipOrders, useValue: orders },
      { provide: LeaderRelay, useValue: relay },
      { provide: AgentAnswers, useValue: core.answers },
      { provide: EventStream, useValue: core.stream },
    ],
  };
}
