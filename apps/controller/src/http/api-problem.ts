import { type Problem, type ProblemCode, problem } from '#libs/api';
import { DomainError } from '#libs/kernel';
import { ProposalLostError } from '../proposing.ts';

type More = Partial<Pick<Problem, 'leader' | 'refusals'>>;

/** An answer that is a refusal: thrown by handlers, written as problem+json by the filter. */
export class ApiProblem extends DomainError {
  readonly code: ProblemCode;
  readonly body: Problem;

  constructor(code: ProblemCode, detail: string, more: More = {}) {
    super(detail);
    this.code = code;
    this.body = problem(code, detail, more);
  }
}

/** What a lost proposal means for whoever waits for it. */
export function problemOfLoss(error: unknown): unknown {
  if (!(error instanceof ProposalLostError)) return error;
  const { loss } = error;
  if (loss.outcome === 'unknown') {
    return new ApiProblem(
      'OUTCOME_UNKNOWN',
      'the leader changed before the order was applied: look at the events, then repeat it if needed',
    );
  }
  if (loss.code === 'OVERLOADED') {
    return new ApiProblem('QUEUE_FULL', 'too many commands wait: try again later');
  }
  return new ApiProblem('NO_LEADER', 'leadership ended before the order was taken: try again');
}
