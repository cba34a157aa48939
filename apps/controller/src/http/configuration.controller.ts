import { Body, Controller, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  API_PATHS,
  type ConfigureAnswer,
  configurationAnswerOf,
  configureRequest,
} from '#libs/api';
import {
  type ClusterSettings,
  configurationOf,
  currentRevision,
  lastHolder,
  memberNames,
  type RuleRefusal,
  settingsProblems,
} from '#libs/cluster';
import { CommandHandler } from '../cluster/command-handler.ts';
import { judgeConfiguration } from '../cluster/judge-configuration.ts';
import { ReadModel } from '../cluster/read-model.ts';
import { ControllerCore } from '../controller-core.ts';
import { knownCluster } from './known-cluster.ts';
import { orderAnswerOf } from './order-answer.ts';

const CONFIGURATION = `${API_PATHS.clusters}/:cluster/configuration`;

/** The configuration of a cluster and its revisions. */
@Controller()
export class ConfigurationController {
  constructor(
    private readonly model: ReadModel,
    private readonly commands: CommandHandler,
    private readonly core: ControllerCore,
  ) {}

  @Get(CONFIGURATION)
  show(@Param('cluster') name: string): unknown {
    return configurationAnswerOf(knownCluster(this.model, name));
  }

  /** Judged by what the running PostgreSQL takes; refused as a whole, or recorded as a whole. */
  @Post(CONFIGURATION)
  @HttpCode(200)
  async configure(
    @Param('cluster') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<ConfigureAnswer> {
    const { configuration, expectedRevision, comment, dryRun } = configureRequest.parse(body);
    const state = knownCluster(this.model, name);
    const { name: cluster, sequence } = state;
    const catalog = this.core.catalogs.of(cluster, lastHolder(state));
    const present = configurationOf(state);
    const verdict = judgeConfiguration(catalog, configuration, present, memberNames(state));
    const refusals = [...settingsRefusals(configuration.settings), ...verdict.refusals];
    const { needsRestart, unchecked } = verdict;
    const told = { needsRestart: [...needsRestart], unchecked: [...unchecked] };
    if (refusals.length > 0) orderAnswerOf(cluster, { kind: 'refused', refusals });
    if (dryRun) {
      const satisfied = 'nothing was recorded: a dry run';
      const revision = currentRevision(state);
      return { cluster, sequence, events: [], satisfied, revision, ...told };
    }
    const command = { type: 'configure', configuration, expectedRevision, comment } as const;
    const operator = request.operator ?? 'nobody';
    const outcome = await this.commands.order(cluster, command, operator);
    const answer = orderAnswerOf(cluster, outcome, sequence);
    const now = this.model.cluster(cluster) ?? state;
    return { ...answer, revision: currentRevision(now), ...told };
  }
}

function settingsRefusals(settings: ClusterSettings): RuleRefusal[] {
  return settingsProblems(settings).map(({ key, value, limit }) => {
    return { instance: null, rule: `settings.${key}`, value, limit };
  });
}
