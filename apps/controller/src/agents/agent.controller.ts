import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { DomainError } from '#libs/kernel';
import type { AgentPattern, ClusterCredentials, Confirmation, StreamStart } from '#libs/protocol';
import { AgentAnswers } from './agent-answers.ts';
import { destructionAsk, parametersAsk, parseAsk, reportAsk, subscribeAsk } from './agent-asks.ts';
import { AgentConnection } from './agent-connection.ts';
import { EventStream } from './event-stream.ts';

const pattern = (name: AgentPattern): AgentPattern => name;

/** Requests of agents; see AgentPatterns for what each means. */
@Controller()
export class AgentController {
  constructor(
    private readonly answers: AgentAnswers,
    private readonly stream: EventStream,
  ) {}

  @MessagePattern(pattern('subscribe'))
  subscribe(@Payload() ask: unknown, @Ctx() agent: AgentConnection): StreamStart {
    return this.stream.subscribe(agent, asRpc(() => parseAsk(subscribeAsk, ask)).sequence);
  }

  @MessagePattern(pattern('report'))
  report(@Payload() ask: unknown, @Ctx() agent: AgentConnection): Promise<Confirmation> {
    return answered(() => this.answers.report(agent, parseAsk(reportAsk, ask)));
  }

  @MessagePattern(pattern('confirm'))
  confirm(@Payload() _ask: unknown, @Ctx() agent: AgentConnection): Promise<Confirmation> {
    return answered(() => this.answers.confirm(agent));
  }

  @MessagePattern(pattern('permitDestruction'))
  permitDestruction(@Payload() ask: unknown, @Ctx() agent: AgentConnection) {
    return answered(() => this.answers.permitDestruction(agent, parseAsk(destructionAsk, ask)));
  }

  @MessagePattern(pattern('parameters'))
  parameters(@Payload() ask: unknown, @Ctx() agent: AgentConnection) {
    return answered(async () =>
      this.answers.parameters(agent.identity, parseAsk(parametersAsk, ask).entries),
    );
  }

  @MessagePattern(pattern('credentials'))
  credentials(
    @Payload() _ask: unknown,
    @Ctx() agent: AgentConnection,
  ): Promise<ClusterCredentials> {
    return answered(() => this.answers.credentials(agent.identity));
  }
}

async function answered<T>(answer: () => Promise<T>): Promise<T> {
  try {
    return await answer();
  } catch (error) {
    throw rpcError(error);
  }
}

function asRpc<T>(answer: () => T): T {
  try {
    return answer();
  } catch (error) {
    throw rpcError(error);
  }
}

function rpcError(error: unknown): unknown {
  if (!(error instanceof DomainError)) return error;
  return new RpcException({ code: error.code, message: error.message });
}
