import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ZodError } from 'zod';
import { PROBLEM_CONTENT_TYPE, type Problem, problem, requestProblem } from '#libs/api';
import { codeOf, messageOf } from '#libs/kernel';
import type { Log } from '../log.ts';
import { ApiProblem, problemOfLoss } from './api-problem.ts';

/** Every refusal of the API has one shape. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw thrown;
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const body = this.#problemOf(problemOfLoss(thrown));
    void reply.code(body.status).type(PROBLEM_CONTENT_TYPE).send(JSON.stringify(body));
  }

  #problemOf(error: unknown): Problem {
    if (error instanceof ApiProblem) return error.body;
    if (error instanceof ZodError) return problem('INVALID_REQUEST', requestProblem(error));
    if (codeOf(error) === 'NOT_LEADER') return problem('NO_LEADER', messageOf(error));
    if (error instanceof HttpException) {
      const status = error.getStatus();
      if (status === 404) return problem('NOT_FOUND', 'there is nothing at this path');
      if (status < 500) return { ...problem('INVALID_REQUEST', error.message), status };
    }
    if (codeOf(error)?.startsWith('FST_ERR_CTP') === true) {
      return problem('INVALID_REQUEST', messageOf(error));
    }
    this.log.error('a request failed', { error });
    return problem('INTERNAL', 'the controller could not answer: see its log');
  }
}
